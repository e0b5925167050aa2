# Installing: twice, from several sessions at once, as a role that is no superuser, in databases of other encodings.
use strict;
use warnings;
use Test::More;
use PostgreSQL::Test::Utils;
use PostgreSQL::Test::Cluster;
use IPC::Run;
use Mhub;

my $node = mhub_node('install');
my $migrations;

# Four installers at once: one does the work, the others wait and find it done.
$node->safe_psql('postgres', 'CREATE DATABASE crowd');
$node->safe_psql('crowd', 'CREATE EXTENSION mhub');
$migrations = $node->safe_psql('crowd', 'SELECT count(*) FROM mhub.hub_migration()');
my (@output, @installers);
for my $n (0 .. 3)
{
	push @installers,
	  IPC::Run::start([ 'psql', '-XAt', '-d', $node->connstr('crowd'), '-c', 'SELECT mhub.install()' ], '>', \$output[$n], '2>', \my $ignored);
}
ok($_->finish, 'an installer ends well') for @installers;
is(join(',', sort map { s/\s+//r } @output), join(',', 0, 0, 0, $migrations), 'one of four applied every migration');
is($node->safe_psql('crowd', 'SELECT mhub.install()'), 0, 'a later call has nothing to do');
is($node->safe_psql('crowd', 'SELECT count(*), count(DISTINCT version) FROM mhub.migration'), "$migrations|$migrations", 'each migration is recorded once');

# An owner who is not superuser: CREATE EXTENSION needs superuser, everything after that does not.
$node->safe_psql('postgres', "CREATE ROLE hub_owner LOGIN; CREATE ROLE stranger LOGIN; CREATE DATABASE owned; GRANT CREATE ON DATABASE owned TO hub_owner");
my ($status, undef, $error) = $node->psql('owned', 'CREATE EXTENSION mhub', extra_params => [ '-U', 'hub_owner' ]);
like($error, qr/permission denied to create extension "mhub"/, 'only a superuser creates the extension');
$node->safe_psql('owned', 'CREATE EXTENSION mhub');
(undef, undef, $error) = $node->psql('owned', 'SELECT mhub.install()', extra_params => [ '-U', 'hub_owner' ]);
like($error, qr/permission denied for schema mhub/, 'installing needs the owner profile');
$node->safe_psql('owned', "SELECT mhub.grant_access('hub_owner', 'owner')");
is($node->safe_psql('owned', 'SELECT mhub.install()', extra_params => [ '-U', 'hub_owner' ]), $migrations, 'its holder installs the hub');
is($node->safe_psql('owned', "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'mhub'::regnamespace AND relkind IN ('r','p','v')"),
	'hub_owner', 'and owns it');
$node->safe_psql('owned', "SELECT mhub.grant_access('stranger', 'analyst')", extra_params => [ '-U', 'hub_owner' ]);
is($node->safe_psql('owned', 'SELECT mhub.version()', extra_params => [ '-U', 'stranger' ]), $node->safe_psql('owned', 'SELECT mhub.version()'),
	'the owner hands out profiles');
(undef, undef, $error) = $node->psql('owned', 'SELECT * FROM mhub.person', extra_params => [ '-U', 'stranger' ]);
like($error, qr/permission denied for table person/, 'which hold no more than they say');
(undef, undef, $error) = $node->psql('owned', 'SELECT mhub.uninstall(current_database()::text)', extra_params => [ '-U', 'stranger' ]);
like($error, qr/permission denied for function uninstall/, 'least of all the right to remove the hub');
is($node->safe_psql('owned', "SELECT count(*) FROM mhub.doctor() WHERE status = 'fail' AND check_name IN ('versions', 'hub migrated')", extra_params => [ '-U', 'hub_owner' ]),
	0, 'the doctor finds the owner\'s hub in order');

# A schema mhub that somebody else made beforehand is never taken over.
$node->safe_psql('postgres', 'CREATE DATABASE squatted; GRANT CREATE ON DATABASE squatted TO stranger');
$node->safe_psql('squatted', 'CREATE SCHEMA mhub', extra_params => [ '-U', 'stranger' ]);
(undef, undef, $error) = $node->psql('squatted', 'CREATE EXTENSION mhub');
like($error, qr/schema "mhub" already exists/, 'a schema of somebody else is not taken over');

# Encodings.  In SQL_ASCII the same bytes go in and come out.
for my $encoding ('UTF8', 'SQL_ASCII', 'EUC_CN')
{
	my $database = hub_database($node, 'in_' . lc $encoding, "TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	is($node->safe_psql($database, q{SELECT bool_and(status <> 'fail') FROM mhub.doctor() WHERE check_name IN ('versions', 'hub migrated')}),
		't', "$encoding: installed and in order");
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	my $person = $node->safe_psql($database, q{SELECT mhub.identify('{"cookie":"访客-1","user_id":"会员-七"}')});
	is($node->safe_psql($database, q{SELECT mhub.person_id('user_id', '会员-七')}), $person, "$encoding: a Chinese identifier is found again");
	is($node->safe_psql($database, q{SELECT mhub.has_pii_trait('{"姓名": "x"}'), mhub.has_pii_trait('{"城市": "x"}')}), 't|f', "$encoding: a Chinese name of a personal trait is known");
	is($node->safe_psql($database, q{SELECT events FROM mhub.load_access_log(ARRAY['198.18.0.1 - - [01/Apr/2025:10:00:00 +0800] "GET / HTTP/1.1" 200 1 "-" "\xE8\xAE\xBF"'])}),
		1, "$encoding: a line of an access log is read");
}
is($node->safe_psql(hub_database($node, 'in_latin1', "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"), q{SELECT mhub.has_pii_trait('{"first_name": "x"}')}),
	't', 'LATIN1, which has no Chinese: installed');

# Removing: the guard, then uninstall, then DROP EXTENSION.
(undef, undef, $error) = $node->psql('crowd', 'DROP EXTENSION mhub CASCADE');
like($error, qr/cannot drop extension mhub while the hub is installed/, 'CASCADE does not take the data along');
is($node->safe_psql('crowd', 'SELECT count(*) FROM mhub.person'), 0, 'the tables are still there');
$node->safe_psql('crowd', 'SELECT mhub.uninstall(current_database()::text); DROP EXTENSION mhub;');
is($node->safe_psql('crowd', "SELECT to_regnamespace('mhub') IS NULL"), 't', 'after uninstall the extension goes without a trace');

done_testing();
