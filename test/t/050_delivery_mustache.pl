# Templates against the Mustache specification, and text lengths against a naive reference.
use strict;
use warnings;
use utf8;
use Mhub;
use Test::More;

my @files = grep { defined } map { shared_data("workflow/mustache/$_.json") }
  qw(comments delimiters interpolation inverted sections);
plan skip_all => 'the Mustache specification is not here (MHUB_SHARED)' if @files < 5;

my $node = mhub_node('mustache');
my $db = hub_database($node, 'mustache');
my $cases = 0;

sub literal
{
	my ($text) = @_;
	return 'NULL' unless defined $text;
	$text =~ s/'/''/g;
	return "'$text'";
}

for my $file (@files)
{
	(my $topic = $file) =~ s/^.*\/|\.json$//g;
	my $spec = do { local (@ARGV, $/) = ($file); <> };

	# The numbers' spelling matters (85, 1.21), so the server itself takes the file apart.
	$node->safe_psql($db, "DROP TABLE IF EXISTS spec; CREATE TABLE spec (doc jsonb); INSERT INTO spec VALUES (" . literal($spec) . ")");
	my $failed = $node->safe_psql($db, q{
		SELECT string_agg(test ->> 'name', ', ') FROM spec, jsonb_array_elements(doc -> 'tests') AS test
		WHERE mhub.render_template(test ->> 'template', test -> 'data', 'html', test -> 'partials')
		      IS DISTINCT FROM test ->> 'expected'});
	my $count = $node->safe_psql($db, q{SELECT jsonb_array_length(doc -> 'tests') FROM spec});
	is($failed, '', "$topic: all $count cases");
	$cases += $count;
}
is($cases, 124, 'every case of the specification was run');

# Segments: pack characters greedily, with an alphabet written down by hand.
my $basic = "\@£\$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
my $extension = "\f^{}\\[~]|€";
my %septets = ((map { $_ => 1 } split //, $basic), (map { $_ => 2 } split //, $extension));
is(length $basic, 127, 'the default alphabet has 127 characters besides the escape');

sub reference
{
	my ($text) = @_;
	my $gsm = !grep { !exists $septets{$_} } split //, $text;
	my ($single, $part) = $gsm ? (160, 153) : (70, 67);
	my @units = map { $gsm ? $septets{$_} : ord($_) > 0xFFFF ? 2 : 1 } split //, $text;
	my $total = 0;
	$total += $_ for @units;
	my $encoding = $gsm ? 'GSM-7' : 'UCS-2';
	return "$encoding|$total|" . ($total > 0 ? 1 : 0) if $total <= $single;
	my ($segments, $used) = (1, 0);
	for my $unit (@units)
	{
		if ($used + $unit > $part) { $segments++; $used = 0; }
		$used += $unit;
	}
	return "$encoding|$total|$segments";
}

srand(7);
my @alphabets = ([split //, $basic], [split //, $basic . $extension], [split //, '你好世界，优惠abc'], [split //, "好\x{1F600}a"]);
my (@texts, @wanted);
for my $i (1 .. 400)
{
	my $alphabet = $alphabets[$i % @alphabets];
	push @texts, join '', map { $alphabet->[ int rand @$alphabet ] } 1 .. int rand 400;
	push @wanted, reference($texts[-1]);
}
push @texts, ('a' x 160), ('a' x 161), ('好' x 70), ('好' x 71), ('a' x 152 . '€' . 'a' x 10), '';
push @wanted, map { reference($_) } @texts[ -6 .. -1 ];
my $rows = join ",\n", map { '(' . $_ . ',' . literal($texts[$_]) . ')' } 0 .. $#texts;
utf8::encode($rows);
my $got = $node->safe_psql($db, "SELECT l.encoding, l.units, l.segments FROM (VALUES $rows) AS t(i, body), mhub.sms_length(t.body) AS l ORDER BY t.i");
is($got, join("\n", @wanted), 'lengths of ' . @texts . ' random texts');

$node->stop;
done_testing();
