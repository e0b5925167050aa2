# Servers on loopback for the delivery tests, and what they saw.
package DeliveryServer;
use strict;
use warnings;
use Cwd 'abs_path';
use Exporter 'import';
use File::Basename;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(start_server stop_server requests_of forget_requests test_authority);

my $folder = dirname(abs_path(__FILE__));

# Starts one of the Python servers beside this file; returns a handle with its port and log.
sub start_server
{
	my ($script, @arguments) = @_;
	my %server = (in => '', out => '', log => PostgreSQL::Test::Utils::tempdir() . "/$script.log");
	$server{run} = IPC::Run::start(['/usr/bin/python3', "$folder/$script", $server{log}, @arguments],
		'<', \$server{in}, '>', \$server{out}, IPC::Run::timeout(300));
	$server{run}->pump until $server{out} =~ /^(\d+)\n/;
	$server{port} = $1;
	return \%server;
}

sub stop_server
{
	my ($server) = @_;
	$server->{run}->kill_kill;
	return;
}

# Every request the server has seen so far, in order.
sub requests_of
{
	my ($server) = @_;
	open my $log, '<', $server->{log} or return ();
	my @requests = map { decode_json($_) } grep { /\n$/ } <$log>;
	close $log;
	return @requests;
}

sub forget_requests
{
	my ($server) = @_;
	truncate $server->{log}, 0;
	return;
}

# A certificate authority made for the test, and a certificate of it for the names given: (CA file, certificate, key).
sub test_authority
{
	my (@names) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my $alternatives = join ',', map { /^[\d.]+$/ ? "IP:$_" : "DNS:$_" } @names;
	my $run = sub { system("openssl @_ >/dev/null 2>&1") == 0 or die "openssl @_" };
	open my $extensions, '>', "$dir/extensions" or die;
	print $extensions "subjectAltName=$alternatives\n";
	close $extensions;
	$run->("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-authority -keyout $dir/ca.key -out $dir/ca.pem");
	$run->("req -newkey rsa:2048 -nodes -subj /CN=$names[0] -keyout $dir/server.key -out $dir/server.csr");
	$run->("x509 -req -days 2 -in $dir/server.csr -CA $dir/ca.pem -CAkey $dir/ca.key -CAcreateserial"
		  . " -extfile $dir/extensions -out $dir/server.pem");
	return ("$dir/ca.pem", "$dir/server.pem", "$dir/server.key");
}

1;
