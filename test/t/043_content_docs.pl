# What doc/conditions.md and doc/content.md show is what the hub answers: each ```sql block is run, in order, and what it
# prints is compared with the ```text block behind it.  MHUB_UPDATE_DOCS=1 writes the answers into the documents instead.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Mhub;

my $node = mhub_node('content_docs');
my $top = $ENV{MHUB_TOP} // '.';

for my $name (qw(conditions content))
{
	my $database = hub_database($node, "docs_$name", "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'");
	open my $in, '<:raw', "$top/doc/$name.md" or die "$name.md: $!";
	my $document = do { local $/; <$in> };
	close $in;
	my @blocks = $document =~ /^```sql\n(.*?)^```\n(?:```text\n(.*?)^```\n)?/gms;
	my @sql = @blocks[ grep { $_ % 2 == 0 } 0 .. $#blocks ];
	my @shown = @blocks[ grep { $_ % 2 == 1 } 0 .. $#blocks ];
	my @answers = run_blocks($database, @sql);
	if ($ENV{MHUB_UPDATE_DOCS})
	{
		my $i = 0;
		$document =~ s/^(```sql\n.*?^```\n)(```text\n.*?^```\n)?/my $answer = $answers[$i++]; $1 . ($2 ? "```text\n$answer```\n" : '')/gmse;
		open my $out, '>:raw', "$top/doc/$name.md" or die "$name.md: $!";
		print $out $document;
		close $out;
		next;
	}
	cmp_ok(scalar @sql, '>', 5, "$name.md has examples");
	for my $i (0 .. $#sql)
	{
		(my $title = $sql[$i]) =~ s/\n.*//s;
		is($answers[$i], $shown[$i] // '', "$name.md: $title");
	}
}
ok(1, 'documents written') if $ENV{MHUB_UPDATE_DOCS};
done_testing();

# What psql prints for each block, errors included.
sub run_blocks
{
	my ($database, @sql) = @_;
	my $script = PostgreSQL::Test::Utils::tempdir() . '/script.sql';
	open my $out, '>:raw', $script or die "$script: $!";
	print $out "\\set QUIET 1\n\\set VERBOSITY default\nSET client_encoding = 'UTF8';\nSET mhub.simulated_time = '2026-01-31 12:00:00';\n";
	print $out map { "\\echo <<block>>\n$_" } @sql;
	close $out;
	my $connection = $node->connstr($database);
	my $printed = `psql -X -d "$connection" -f "$script" 2>&1`;
	$printed =~ s/^psql:\S+:\d+: //gm;
	my (undef, @answers) = split /^<<block>>\n/m, $printed;
	return @answers;
}
