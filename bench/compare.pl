#!/usr/bin/perl
# Races two commands or queries against each other: runs them alternately, A B A B ..., and prints the medians of wall
# and CPU seconds and the ratio.  Alternating makes the ratio hold even where the machine's speed drifts.
#
#   compare.pl [--runs 5] [--warmup 1] [--setup SQL] NAME=sql:QUERY NAME=sql:QUERY
#   compare.pl [--runs 5] NAME=cmd:COMMAND NAME=cmd:COMMAND        (the kinds mix)
#
# A query runs in one psql session per side (PGHOST ... say where); @FILE instead of the query reads it from FILE.
# Its CPU seconds are those of its backend, plus those of the parallel workers that ended meanwhile. A command that has the
# server do part of the work is given as client:COMMAND: its CPU seconds are its own plus those of the sessions that ended meanwhile.
use strict;
use warnings;
use Getopt::Long;
use IPC::Open2;
use POSIX qw(sysconf _SC_CLK_TCK);
use Time::HiRes qw(sleep time);

my ($runs, $warmup, $setup) = (5, 1, '');
my $server;    # the postmaster's process, once a side is a query
GetOptions('runs=i' => \$runs, 'warmup=i' => \$warmup, 'setup=s' => \$setup) && @ARGV == 2
  or die "usage: compare.pl [--runs N] [--warmup N] [--setup SQL] NAME=sql:QUERY|NAME=cmd:COMMAND NAME=...\n";

my @sides = map { make_side($_) } @ARGV;
run_side($_) for (@sides) x $warmup;
for (1 .. $runs)
{
	for my $side (@sides)
	{
		my ($wall, $cpu) = run_side($side);
		push @{ $side->{wall} }, $wall;
		push @{ $side->{cpu} },  $cpu;
	}
}
report(@sides);

sub make_side
{
	my ($argument) = @_;
	my ($name, $kind, $text) = $argument =~ /^([^=]+)=(sql|cmd|client):(.*)$/s
	  or die "compare.pl: \"$argument\" is not NAME=sql:QUERY, NAME=cmd:COMMAND or NAME=client:COMMAND\n";
	if ($text =~ /^@(.+)$/)
	{
		open my $file, '<', $1 or die "compare.pl: $1: $!\n";
		local $/;
		$text = <$file>;
	}
	my %side = (name => $name, kind => $kind, text => $text, wall => [], cpu => []);
	open_session(\%side) if $kind eq 'sql';
	return \%side;
}

sub open_session
{
	my ($side) = @_;
	open2($side->{out}, $side->{in}, 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1') or die "compare.pl: psql: $!\n";
	ask($side, $setup) if $setup;
	($side->{pid}) = ask($side, 'SELECT pg_backend_pid();');
	($server) = ask($side, q{SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1);});
	return;
}

# Sends a query and waits for its whole answer.
sub ask
{
	my ($side, $query) = @_;
	my ($in, $out) = @$side{qw(in out)};
	print $in "$query\n;\n\\echo -- done --\n";
	$in->flush;
	my @lines;
	while (defined(my $line = <$out>))
	{
		chomp $line;
		return @lines if $line eq '-- done --';
		push @lines, $line;
	}
	die "compare.pl: $side->{name}: the query failed\n";
}

# CPU seconds of a process, to the nanosecond
sub process_seconds
{
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/schedstat" or die "compare.pl: /proc/$pid/schedstat: $!\n";
	my ($nanoseconds) = split ' ', <$file>;
	return $nanoseconds / 1e9;
}

# CPU seconds of the server's processes that have ended (fields cutime and cstime), to the clock tick
sub ended_seconds
{
	open my $file, '<', "/proc/$server/stat" or die "compare.pl: /proc/$server/stat: $!\n";
	my $line = <$file>;
	$line =~ s/^.*\) //;
	my @fields = split ' ', $line;
	return ($fields[13] + $fields[14]) / sysconf(_SC_CLK_TCK);
}

sub session_seconds
{
	my ($side) = @_;
	return process_seconds($side->{pid}) + ended_seconds();
}

sub run_side
{
	my ($side) = @_;
	my $start = time;
	my ($wall, $cpu);
	if ($side->{kind} eq 'sql')
	{
		my $before = session_seconds($side);
		ask($side, $side->{text});
		$wall = time - $start;
		$cpu = session_seconds($side) - $before;
	}
	else
	{
		my $asks = $side->{kind} eq 'client';
		my $before = $asks ? ended_seconds() : 0;
		my (undef, undef, $user, $system) = times;
		system('sh', '-c', "{ $side->{text}\n} >/dev/null") == 0 or die "compare.pl: $side->{name}: the command failed\n";
		$wall = time - $start;
		my (undef, undef, $user_after, $system_after) = times;
		sleep 0.5 if $asks;    # its sessions end, and are counted, a moment after it
		my $served = $asks ? ended_seconds() - $before : 0;
		$cpu = $user_after + $system_after - $user - $system + $served;
	}
	return ($wall, $cpu);
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	my $middle = int(@sorted / 2);
	return @sorted % 2 ? $sorted[$middle] : ($sorted[ $middle - 1 ] + $sorted[$middle]) / 2;
}

sub report
{
	my ($first, $second) = @_;
	printf "%-28s %12s %12s   (medians of %d; wall min-max)\n", '', 'wall s', 'CPU s', $runs;
	for my $side (@_)
	{
		my @sorted = sort { $a <=> $b } @{ $side->{wall} };
		printf "%-28s %12.3f %12.3f   %.3f-%.3f\n", $side->{name}, median(@sorted), median(@{ $side->{cpu} }),
		  $sorted[0], $sorted[-1];
	}
	for my $measure (qw(wall cpu))
	{
		my ($a, $b) = map { median(@{ $_->{$measure} }) } @_;
		printf "ratio %s / %s, %s: %s\n", $second->{name}, $first->{name}, $measure, $a > 0 ? sprintf('%.2f', $b / $a) : 'n/a';
	}
	return;
}
