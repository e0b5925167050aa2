# 10,000 random conditions, each on a random profile, against a naive evaluator in this file.
use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use Test::More;
use Mhub;

my $seed = $ENV{MHUB_TEST_SEED} // 20261122;
srand($seed);
note("seed $seed");

# Values know their type: [n => 5], [s => 'x'], [b => 1], [null => undef], [a => [values]], [o => {key => value}]; undef is missing.
my @words = ('上海', '北京', 'a', 'ab', 'abc', 'Ａｂ', 'AB', '考研', '', '1.2.3', '2.0.0-rc.1', '10.1.2.3', '2001:db8::5', '2026-01-15', '2026-01-20T08:30:00+08:00', "it's");
my @paths = qw(age city tags scores vip nested.city nested.deep.n when ip version 城市 items.0);
my @events = ('Order Completed', 'Product Viewed', '浏览');
my $now = '2026-01-31 12:00:00+00';
my $now_epoch = 1769860800;

# The prototype gives its argument scalar context: a match that fails is false, not nothing.
sub truth($);

sub pick { return $_[ int rand @_ ] }

sub scalar_value
{
	my $kind = int rand 10;
	return [ n => pick(-5, 0, 1, 2, 2.5, 17, 30, 31, 1000) ] if $kind < 4;
	return [ s => pick(@words) ] if $kind < 8;
	return [ b => int rand 2 ] if $kind == 8;
	return [ null => undef ];
}

sub profile
{
	my %p;
	for my $key (qw(age city vip when ip version 城市))
	{
		$p{$key} = scalar_value() if rand() < 0.7;
	}
	$p{ip} = [ s => pick('10.1.2.3', '2001:db8::5', '192.168.0.1') ] if rand() < 0.3;
	$p{version} = [ s => pick('1.2.3', '1.10.0', '2.0.0-rc.1', 'v2.0.0', '2') ] if rand() < 0.5;
	$p{when} = [ s => pick('2026-01-15', '2026-01-31T11:00:00Z', '2025-06-01T00:00:00+08:00', '2026-02-03') ] if rand() < 0.5;
	$p{tags} = [ a => [ map { scalar_value() } 1 .. int rand 4 ] ] if rand() < 0.7;
	$p{scores} = [ a => [ map { [ n => pick(1, 2, 3, 30) ] } 1 .. int rand 3 ] ] if rand() < 0.6;
	$p{items} = [ a => [ map { [ o => { city => scalar_value(), n => scalar_value() } ] } 1 .. int rand 3 ] ] if rand() < 0.6;
	$p{nested} = [ o => { city => scalar_value(), deep => [ o => { n => scalar_value() } ] } ] if rand() < 0.6;
	if (rand() < 0.8)
	{
		my %e;
		for my $event (@events)
		{
			next if rand() < 0.4;
			my %days = map { (sprintf('2026-01-%02d', 1 + int rand 31) => 1 + int rand 3) } 1 .. 1 + int rand 3;
			my $count = 0;
			$count += $_ for values %days;
			my ($first, $last) = (sort keys %days)[ 0, -1 ];
			my @items = map { my $day = $_; map { [ o => { at => [ s => "${day}T0" . (3 + int rand 7) . ':00:00Z' ],
				properties => [ o => { city => scalar_value(), n => scalar_value() } ] } ] } 1 .. $days{$day} } keys %days;
			$e{$event} = [ o => { (rand() < 0.9 ? (items => [ a => \@items ]) : ()), count => [ n => $count ], days => [ o => { map { ($_ => [ n => $days{$_} ]) } keys %days } ],
				first_at => [ s => "${first}T03:00:00Z" ], last_at => [ s => "${last}T09:00:00Z" ] } ];
		}
		$p{'$events'} = [ o => \%e ];
	}
	$p{'$segments'} = [ a => [ map { [ s => $_ ] } grep { rand() < 0.5 } 'vip', '学生' ] ] if rand() < 0.6;
	return [ o => \%p ];
}

sub json
{
	my ($v) = @_;
	my ($type, $value) = @$v;
	return $value if $type eq 'n';
	return $value ? 'true' : 'false' if $type eq 'b';
	return 'null' if $type eq 'null';
	return '[' . join(',', map { json($_) } @$value) . ']' if $type eq 'a';
	return '{' . join(',', map { quoted($_) . ':' . json($value->{$_}) } sort keys %$value) . '}' if $type eq 'o';
	return quoted($value);
}
sub quoted { my ($s) = @_; $s =~ s/(["\\])/\\$1/g; return "\"$s\"" }
sub literal
{
	my ($v) = @_;
	return $v->[1] if $v->[0] eq 'n';
	return $v->[1] ? 'true' : 'false' if $v->[0] eq 'b';
	(my $s = $v->[1]) =~ s/'/''/g;
	return "'$s'";
}
sub known_literal { my $v; do { $v = scalar_value() } while $v->[0] eq 'null'; return $v }
sub ordered_literal { my $v; do { $v = scalar_value() } while $v->[0] !~ /^[ns]$/; return $v }

# A predicate: its text and a sub from a profile to 1, 0 or undef (unknown).
sub lookup
{
	my ($p, $path) = @_;
	for my $step (split /\./, $path)
	{
		if ($p->[0] eq 'o') { $p = $p->[1]{$step} }
		elsif ($p->[0] eq 'a' && $step =~ /^\d+$/) { $p = $p->[1][$step] }
		else { return undef }
		return undef unless defined $p;
	}
	return $p;
}
sub order
{
	my ($x, $y) = @_;
	return undef if !defined $x || !defined $y || $x->[0] ne $y->[0] || $x->[0] !~ /^[nsb]$/;
	return $x->[0] eq 's' ? bytes($x->[1]) cmp bytes($y->[1]) : $x->[1] <=> $y->[1];
}
sub bytes { my ($s) = @_; utf8::encode($s); return $s }
sub truth($) { return defined $_[0] ? ($_[0] ? 1 : 0) : undef }
sub fold { my ($s) = @_; $s =~ tr/Ａ-Ｚａ-ｚ/A-Za-z/; return lc $s }
sub version_order
{
	my @parts = map {
		my $v = $_;
		$v =~ s/^v|\+.*$//g;
		my @p = split /[.-]/, $v;
		push @p, '~' if @p == 3;
		join '-', map { /^\d+$/ ? sprintf('%5s', $_) : $_ } @p;
	} @_;
	return $parts[0] cmp $parts[1];
}
sub epoch
{
	my ($text) = @_;
	return undef unless $text =~ /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(Z|[+]08:00))?$/;
	require Time::Local;
	return Time::Local::timegm($6 // 0, $5 // 0, $4 // 0, $3, $2 - 1, $1) - (($7 // 'Z') eq '+08:00' ? 8 * 3600 : 0);
}
sub event_count
{
	my ($p, $event, $days) = @_;
	my $e = lookup($p, '$events');
	$e = $e->[1]{$event} if defined $e;
	return 0 unless defined $e;
	return $e->[1]{count}[1] unless defined $days;
	my ($y, $m, $d) = (gmtime($now_epoch - $days * 86400))[ 5, 4, 3 ];
	my $after = sprintf '%04d-%02d-%02d', $y + 1900, $m + 1, $d;
	my $count = 0;
	for my $day (keys %{ $e->[1]{days}[1] })
	{
		$count += $e->[1]{days}[1]{$day}[1] if $day gt $after && $day le '2026-01-31';
	}
	return $count;
}
# The single events of which city is $v or n more than 1.
sub fulfilling
{
	my ($p, $event, $v) = @_;
	my $e = lookup($p, '$events');
	$e = defined $e ? $e->[1]{$event} : undef;
	return () unless defined $e && $e->[1]{items};
	return grep {
		my $properties = $_->[1]{properties};
		my $o = order(lookup($properties, 'city'), $v);
		my $n = order(lookup($properties, 'n'), [ n => 1 ]);
		(defined $o && $o == 0) || (defined $n && $n > 0)
	} @{ $e->[1]{items}[1] };
}
sub has
{
	my ($array, $wanted) = @_;
	return scalar grep { my $o = order($_, $wanted); defined $o && $o == 0 } @{ $array->[1] };
}

my @makers = (
	sub {    # comparison
		my ($path, $op) = (pick(@paths), pick('=', '!=', '<', '<=', '>', '>='));
		my $v = $op =~ /^!?=$/ ? known_literal() : ordered_literal();
		return ("$path $op " . literal($v), sub {
			my $o = order(lookup($_[0], $path), $v);
			return undef unless defined $o;
			return truth($op eq '=' ? $o == 0 : $op eq '!=' ? $o != 0 : $op eq '<' ? $o < 0 : $op eq '<=' ? $o <= 0 : $op eq '>' ? $o > 0 : $o >= 0);
		});
	},
	sub {    # weak difference
		my ($path, $v) = (pick(@paths), known_literal());
		return ("$path is not " . literal($v), sub { my $o = order(lookup($_[0], $path), $v); return defined $o && $o == 0 ? 0 : 1 });
	},
	sub {    # another attribute
		my ($x, $y, $op) = (pick(@paths), pick(@paths), pick('=', '<'));
		return ("$x $op $y", sub {
			my ($a, $b) = (lookup($_[0], $x), lookup($_[0], $y));
			my $o = order($a, $b);
			return undef if !defined $o || ($op eq '<' && $a->[0] eq 'b');
			return truth($op eq '=' ? $o == 0 : $o < 0);
		});
	},
	sub {    # lists, short and sorted long ones
		my ($path, $word) = (pick(@paths), pick('in', 'not in', 'is not in'));
		my @list = map { known_literal() } 1 .. 1 + int rand(rand() < 0.2 ? 30 : 5);
		return ("$path $word (" . join(', ', map { literal($_) } @list) . ')', sub {
			my $v = lookup($_[0], $path);
			my @orders = grep { defined } map { order($v, $_) } @list;
			return $word eq 'is not in' ? 1 : undef unless @orders;
			my $in = grep { $_ == 0 } @orders;
			return truth($word eq 'in' ? $in : !$in);
		});
	},
	sub {    # between
		my ($path, $low) = (pick(@paths), ordered_literal());
		my $high;
		do { $high = ordered_literal() } while $high->[0] ne $low->[0];
		return ("$path between " . literal($low) . ' and ' . literal($high), sub {
			my $v = lookup($_[0], $path);
			my $o = order($v, $low);
			return undef unless defined $o;
			return truth($o >= 0 && order($v, $high) <= 0);
		});
	},
	sub {    # arrays
		my ($path, $word) = (pick('tags', 'scores', pick(@paths)), pick('has', 'has any', 'has all', 'has none'));
		my @list = map { known_literal() } 1 .. ($word eq 'has' ? 1 : 1 + int rand 3);
		my $text = join ', ', map { literal($_) } @list;
		return ("$path $word " . ($word eq 'has' ? $text : "($text)"), sub {
			my $v = lookup($_[0], $path);
			return undef unless defined $v && $v->[0] eq 'a';
			my $n = grep { has($v, $_) } @list;
			return truth($word eq 'has all' ? $n == @list : $word eq 'has none' ? !$n : $n);
		});
	},
	sub {    # presence
		my ($path, $word) = (pick(@paths), pick('exists', 'is missing', 'is null'));
		return ("$path $word", sub {
			my $v = lookup($_[0], $path);
			return truth(defined $v && $v->[0] eq 'null') if $word eq 'is null';
			return truth((defined $v && $v->[0] ne 'null') == ($word eq 'exists'));
		});
	},
	sub {    # parts of strings, folded or not
		my ($path, $word, $part, $folded) = (pick(@paths), pick('starts with', 'ends with', 'contains'), pick(@words), rand() < 0.4);
		return ("$path $word " . literal([ s => $part ]) . ($folded ? ' folded' : ''), sub {
			my $v = lookup($_[0], $path);
			return undef unless defined $v && $v->[0] eq 's';
			my ($s, $t) = $folded ? (fold($v->[1]), fold($part)) : ($v->[1], $part);
			return truth($word eq 'contains' ? index($s, $t) >= 0 : $word eq 'starts with' ? $s =~ /^\Q$t\E/ : $s =~ /\Q$t\E\z/);
		});
	},
	sub {    # folded equality
		my ($path, $v) = (pick(@paths), [ s => pick(@words) ]);
		return ("$path = " . literal($v) . ' folded', sub {
			my $x = lookup($_[0], $path);
			return undef unless defined $x && $x->[0] eq 's';
			return truth(fold($x->[1]) eq fold($v->[1]));
		});
	},
	sub {    # regular expressions
		my ($path, $pattern) = (pick(@paths), pick('^a', 'b$', '[0-9]+', '上|京', '^$'));
		return ("$path matches '$pattern'", sub { my $v = lookup($_[0], $path); return defined $v && $v->[0] eq 's' ? truth($v->[1] =~ /$pattern/) : undef });
	},
	sub {    # versions
		my ($op, $wanted) = (pick('=', '!=', '<', '<=', '>', '>='), pick('1.2.3', '1.10.0', '2.0.0-rc.1', '2.0.0'));
		return ("version version $op '$wanted'", sub {
			my $v = lookup($_[0], 'version');
			return undef unless defined $v && $v->[0] eq 's' && $v->[1] =~ /^v?\d/;
			my $o = version_order($v->[1], $wanted);
			return truth($op eq '=' ? $o == 0 : $op eq '!=' ? $o != 0 : $op eq '<' ? $o < 0 : $op eq '<=' ? $o <= 0 : $op eq '>' ? $o > 0 : $o >= 0);
		});
	},
	sub {    # networks
		my ($network, $pattern) = @{ pick([ '10.0.0.0/8', qr/^10\./ ], [ '192.168.0.0/16', qr/^192\.168\./ ], [ '2001:db8::/32', qr/^2001:db8:/ ]) };
		return ("ip in network '$network'", sub {
			my $v = lookup($_[0], 'ip');
			return undef unless defined $v && $v->[0] eq 's' && $v->[1] =~ /^(\d+\.\d+\.\d+\.\d+|2001:db8::\d)$/;
			return truth($v->[1] =~ $pattern);
		});
	},
	sub {    # times
		my ($word, $argument, $test) = @{ pick(
			[ 'before', "'2026-01-15'", sub { $_[0] < 1768435200 } ], [ 'after', "now() - '2 days'", sub { $_[0] > $now_epoch - 2 * 86400 } ],
			[ 'within', "'3 hours'", sub { $_[0] <= $now_epoch && $_[0] >= $now_epoch - 3 * 3600 } ],
			[ 'within next', "'1 week'", sub { $_[0] >= $now_epoch && $_[0] <= $now_epoch + 7 * 86400 } ], [ 'older than', "'10 days'", sub { $_[0] < $now_epoch - 10 * 86400 } ]) };
		my $path = pick('when', 'when', pick(@paths));
		return ("$path $word $argument", sub {
			my $v = lookup($_[0], $path);
			my $at = defined $v && $v->[0] eq 's' ? epoch($v->[1]) : undef;
			return defined $at ? truth($test->($at)) : undef;
		});
	},
	sub {    # behaviour
		my ($event, $days) = (pick(@events), pick(undef, 1, 7, 30));
		my ($text, $low, $high) = @{ pick([ '', 1, 1e9 ], [ ', at least 3 times', 3, 1e9 ], [ ', at most 2 times', 0, 2 ], [ ', exactly 2 times', 2, 2 ], [ ', between 2 and 4 times', 2, 4 ]) };
		return ("did('$event'$text" . (defined $days ? ", within '$days days'" : '') . ')', sub {
			my $n = event_count($_[0], $event, $days);
			return truth($n >= $low && $n <= $high);
		});
	},
	sub {    # age of an event
		my ($event, $which) = (pick(@events), pick('last', 'first'));
		return ("$which('$event') older than '10 days'", sub {
			my $e = lookup($_[0], '$events');
			$e = defined $e ? $e->[1]{$event} : undef;
			return defined $e ? truth(epoch($e->[1]{"${which}_at"}[1]) < $now_epoch - 10 * 86400) : undef;
		});
	},
	sub {    # age of an event with certain properties
		my ($event, $which, $v) = (pick(@events), pick('last', 'first'), known_literal());
		return ("$which('$event', where city = " . literal($v) . " or n > 1) older than '10 days'", sub {
			my ($at) = (sort { $which eq 'last' ? $b <=> $a : $a <=> $b } map { epoch($_->[1]{at}[1]) } fulfilling($_[0], $event, $v));
			return defined $at ? truth($at < $now_epoch - 10 * 86400) : undef;
		});
	},
	sub {    # events with certain properties
		my ($event, $hours, $v) = (pick(@events), pick(undef, 100, 400), known_literal());
		return ("did('$event', at least 2 times" . (defined $hours ? ", within '$hours hours'" : '') . ', where city = ' . literal($v) . ' or n > 1)', sub {
			my $e = lookup($_[0], '$events');
			$e = defined $e ? $e->[1]{$event} : undef;
			return 0 unless defined $e;
			return undef unless $e->[1]{items};
			return truth(2 <= grep { !defined $hours || epoch($_->[1]{at}[1]) > $now_epoch - $hours * 3600 } fulfilling($_[0], $event, $v));
		});
	},
	sub {    # segments
		my $key = pick('vip', '学生', 'nobody');
		return ("in segment '$key'", sub { my $s = lookup($_[0], '$segments'); return defined $s ? truth(has($s, [ s => $key ])) : undef });
	},
	sub {    # elements
		my $v = known_literal();
		return ('any items where (city = ' . literal($v) . ' or n > 1)', sub {
			my $items = lookup($_[0], 'items');
			return undef unless defined $items;
			my $result = 0;
			for my $item (@{ $items->[1] })
			{
				my $one = kleene_or(sub { my $o = order(lookup($item, 'city'), $v); defined $o ? truth($o == 0) : undef }->(),
					sub { my $o = order(lookup($item, 'n'), [ n => 1 ]); defined $o ? truth($o > 0) : undef }->());
				return 1 if $one;
				$result = undef unless defined $one;
			}
			return $result;
		});
	});

sub kleene_or { return 1 if grep { $_ } @_; return (grep { !defined } @_) ? undef : 0 }
sub kleene_and { return 0 if grep { defined && !$_ } @_; return (grep { !defined } @_) ? undef : 1 }

sub condition
{
	my ($depth) = @_;
	my $kind = $depth > 0 ? rand() : 1;
	if ($kind < 0.5)
	{
		my $and = rand() < 0.5;
		my @parts = map { [ condition($depth - 1) ] } 1 .. 2 + int rand 2;
		return (join($and ? ' and ' : ' or ', map { "($_->[0])" } @parts), sub { my $p = shift; my @v = map { scalar $_->[1]->($p) } @parts; return $and ? kleene_and(@v) : kleene_or(@v) });
	}
	if ($kind < 0.7)
	{
		my $weak = rand() < 0.5;
		my ($text, $eval) = condition($depth - 1);
		return (($weak ? 'unless' : 'not') . " ($text)", sub { my $v = $eval->($_[0]); return $weak ? ($v ? 0 : 1) : defined $v ? truth(!$v) : undef });
	}
	return pick(@makers)->();
}

my $node = mhub_node('condition');
my $database = hub_database($node, 'condition', "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'");
my $load = PostgreSQL::Test::Utils::tempdir() . '/load.sql';
my %seen = (true => 0, false => 0, unknown => 0);
open my $sql, '>:encoding(UTF-8)', $load or die "$load: $!";
print $sql "SET client_encoding = 'UTF8';\nCREATE TABLE pair (condition mhub.condition, profile jsonb, expected text);\nCOPY pair FROM stdin;\n";
for (1 .. 10_000)
{
	my ($text, $eval) = condition(int rand 3);
	my $profile = profile();
	my $outcome = $eval->($profile);
	my $word = defined $outcome ? ($outcome ? 'true' : 'false') : 'unknown';
	$seen{$word}++;
	my $line = join "\t", map { s/\\/\\\\/gr } $text, json($profile), $word;
	print $sql "$line\n";
}
print $sql "\\.\n";
close $sql;
$node->safe_psql($database, "\\i $load");

cmp_ok($seen{$_}, '>', 1000, "$seen{$_} pairs are $_") for sort keys %seen;
is($node->safe_psql($database, "SELECT count(*) FROM pair"), 10_000, 'all pairs are there');
my $got = "coalesce(mhub.matches(profile, %s, '$now')::text, 'unknown')";
is($node->safe_psql($database, sprintf("SELECT condition, profile, expected, $got AS got FROM pair WHERE $got <> expected LIMIT 5", 'condition', 'condition')),
	'', 'evaluation agrees with the reference');
is($node->safe_psql($database, sprintf("SELECT condition, profile, expected FROM pair WHERE $got <> expected LIMIT 5", 'condition::jsonb::mhub.condition')),
	'', 'and still does after a way through jsonb');
is($node->safe_psql($database, "SELECT condition FROM pair WHERE condition::text::mhub.condition OPERATOR(mhub.<>) condition LIMIT 5"),
	'', 'canonical texts read back to themselves');
is($node->safe_psql($database, "SELECT p.condition, p.profile FROM pair AS p CROSS JOIN LATERAL (SELECT coalesce(e.outcome::text, 'unknown') AS outcome FROM mhub.explain(p.profile, p.condition, '$now') AS e WHERE e.depth = 0) AS e WHERE e.outcome <> p.expected LIMIT 5"),
	'', 'explain tells the same outcome');
done_testing();
