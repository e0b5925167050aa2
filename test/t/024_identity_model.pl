# Random sequences of identify, unlink, split_person, relink and erase_person, with limits, periods, unique and sealed
# kinds and evidence, against a naive model (identity_model.py). After each operation all tables are compared.
use strict;
use warnings;
use File::Basename;
use IPC::Run;
use Mhub;
use Test::More;

my $node = mhub_node('identity_model', 'mhub.key_file' => key_file(), 'session_preload_libraries' => 'mhub');
my $seed = $ENV{MHUB_TEST_SEED} // 20261122;
note("seeds from $seed (MHUB_TEST_SEED)");
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;

hub_database($node, 'model_0');
$node->safe_psql('postgres', "CREATE DATABASE model_$_ TEMPLATE model_0") for 1 .. 7;
for my $run (0 .. 7)
{
	local $ENV{PGDATABASE} = "model_$run";
	my $out = '';
	my $right = IPC::Run::run([ 'python3', dirname(__FILE__) . '/identity_model.py', $seed + $run, 60 ], '<', '/dev/null', '>&', \$out);
	ok($right, 'seed ' . ($seed + $run)) or diag($out);
	note($out);
	is($node->safe_psql("model_$run", "SELECT string_agg(check_name, ', ') FROM mhub.doctor_identity() WHERE status = 'fail'"), '', 'and the doctor is content');
}
$node->stop;
done_testing();
