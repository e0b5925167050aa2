# What the TAP tests share: a node with mhub, and the data that only some machines have.
package Mhub;
use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(mhub_node hub_database shared_data key_file);

# A started node; every setting given is added to postgresql.conf.
sub mhub_node
{
	my ($name, %settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "$_ = '$settings{$_}'") for sort keys %settings;
	$node->start;
	return $node;
}

# A database with mhub and the hub in it; options go to CREATE DATABASE.
sub hub_database
{
	my ($node, $database, $options) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database " . ($options // ''));
	$node->safe_psql($database, 'CREATE EXTENSION mhub; SELECT mhub.install();');
	return $database;
}

# Path of a file of the shared test data, or undef (and a note) where there is none.
sub shared_data
{
	my ($path) = @_;
	my $file = ($ENV{MHUB_SHARED} // '../shared') . "/data/$path";
	return $file if -r $file;
	note("shared data file $path is not here");
	return;
}

# A fresh key file outside every data directory, as mhub.key_file wants it.
sub key_file
{
	my $path = PostgreSQL::Test::Utils::tempdir() . '/mhub.keys';
	my $key = `openssl rand -base64 32`;
	open my $file, '>', $path or die "$path: $!";
	print $file "1:$key";
	close $file;
	chmod 0600, $path;
	return $path;
}

1;
