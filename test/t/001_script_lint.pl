# The extension script as it is written: plain CREATE only, and labels set on purpose.
use strict;
use warnings;
use Test::More;

my $top = $ENV{MHUB_TOP} // '.';
my @files = sort glob("$top/sql/extension/*.sql $top/sql/hub/*.sql");
cmp_ok(scalar @files, '>', 5, 'found the SQL files');

for my $file (@files)
{
	open my $handle, '<', $file or die "$file: $!";
	my $text = do { local $/; <$handle> };
	close $handle;
	(my $name = $file) =~ s/^.*\/sql\///;

	unlike($text, qr/CREATE\s+OR\s+REPLACE/i, "$name replaces nothing");
	unlike($text, qr/^CREATE\s+(?:UNIQUE\s+)?(?:TABLE|INDEX|VIEW|SCHEMA|TYPE|SEQUENCE)\s+IF\s+NOT\s+EXISTS/im,
		"$name takes over nothing that was there");

	unlike($text, qr/[^\x00-\x7F]/, "$name is ASCII, so that it loads into a database of any encoding");

	my @unlabelled;
	while ($text =~ /^CREATE\s+(?:FUNCTION)\s+([\w.]+)(.*?)\bAS\b\s+(?:\$|')/gims)
	{
		my ($function, $head) = ($1, $2);
		push @unlabelled, $function
		  unless $head =~ /\b(?:IMMUTABLE|STABLE|VOLATILE)\b/i && $head =~ /\bPARALLEL\s+(?:SAFE|RESTRICTED|UNSAFE)\b/i;
	}
	is("@unlabelled", '', "$name: every function states volatility and parallel safety");
}

done_testing();
