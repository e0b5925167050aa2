# The README's tour does what it prints.
use strict;
use warnings;
use Test::More;
use PostgreSQL::Test::Utils;
use PostgreSQL::Test::Cluster;
use Mhub;

my $readme = slurp_file(($ENV{MHUB_TOP} // '.') . '/README.md');
my ($tour) = $readme =~ /^## A tour\n(.*?)^## /ms;
ok($tour, 'there is a tour');
my ($sql, $expected) = $tour =~ /^```sql\n(.*?)^```\n.*?^```text\n(.*?)^```\n/ms;
ok($sql && $expected, 'with SQL and its output');

my $node = mhub_node('readme', 'mhub.key_file' => key_file());
hub_database($node, 'shop');
local $ENV{PGCLIENTENCODING} = 'UTF8';
my $file = PostgreSQL::Test::Utils::tempdir() . '/tour.sql';
append_to_file($file, $sql);
my ($output, $errors) = run_command([ 'psql', '-XqP', 'footer=off', '-f', $file, $node->connstr('shop') ]);
is($errors, '', 'no error');
s/[ \t]+$//mg, s/\n+/\n/g, s/\A\s+|\s+\z//g for $output, $expected;
is($output, $expected, 'the output is what the README shows');

# The reference is generated; 'make doc-reference' brings it up to date.
my $top = $ENV{MHUB_TOP} // '.';
my $reference = $node->safe_psql('shop', slurp_file("$top/doc/reference.sql"));
is($reference . "\n", slurp_file("$top/doc/reference.md"), 'doc/reference.md is what the catalogue says');

done_testing();
