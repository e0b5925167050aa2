# Writes small files of the MaxMind DB format (https://maxmind.github.io/MaxMind-DB/), so that tests need none of a vendor's.
#   my $writer = MmdbWriter->new(type => 'Test-City', record_size => 24);
#   $writer->add('1.2.0.0/16', { country => { iso_code => 'CN' }, autonomous_system_number => 4134 });
#   $writer->write($path);
# The tree is one of IPv6 addresses; IPv4 networks live below ::/96, as in MaxMind's own files.
package MmdbWriter;
use strict;
use warnings;
use Encode qw(encode_utf8);
use Socket qw(inet_pton AF_INET AF_INET6);

sub new
{
	my ($class, %options) = @_;
	return bless { type => 'Test', record_size => 24, nodes => [ [ undef, undef ] ], data => '', %options }, $class;
}

# Control byte of a value: its type and size.
sub control
{
	my ($type, $size) = @_;
	my $extended = $type > 7;
	my $first = ($extended ? 0 : $type) << 5;
	my ($length, $more) = $size < 29 ? ($size, '') : $size < 285 ? (29, pack('C', $size - 29)) : (30, pack('n', $size - 285));
	return pack('C', $first | $length) . ($extended ? pack('C', $type - 7) : '') . $more;
}

sub unsigned
{
	my ($type, $number) = @_;
	(my $bytes = pack('Q>', $number)) =~ s/^\0+//;
	return control($type, length $bytes) . $bytes;
}

# Numbers are uint32, except those given as [type, value]; true lists are [[...]].
sub encode
{
	my ($value) = @_;
	if (ref $value eq 'HASH')
	{
		return control(7, scalar keys %$value) . join '', map { encode("$_") . encode($value->{$_}) } sort keys %$value;
	}
	if (ref $value eq 'ARRAY')
	{
		my @items = @{ $value->[0] };
		return control(11, scalar @items) . join '', map { encode($_) } @items;
	}
	return unsigned(@$$value) if ref $value eq 'REF';
	return unsigned(6, $value) if $value =~ /^\d+$/;
	my $bytes = encode_utf8($value);
	return control(2, length $bytes) . $bytes;
}

sub bits_of
{
	my ($network) = @_;
	my ($address, $length) = split m{/}, $network;
	return (unpack('B128', inet_pton(AF_INET6, $address)), $length) if $address =~ /:/;
	return (('0' x 96) . unpack('B32', inet_pton(AF_INET, $address)), $length + 96);
}

# More particular networks must come after those that contain them.
sub add
{
	my ($self, $network, $record) = @_;
	my ($bits, $length) = bits_of($network);
	my $offset = length $self->{data};
	$self->{data} .= encode($record);
	my $node = 0;
	for my $depth (0 .. $length - 2)
	{
		my $bit = substr($bits, $depth, 1);
		my $next = $self->{nodes}[$node][$bit];
		if (!ref $next)
		{
			push @{ $self->{nodes} }, [ $next, $next ];
			$next = $self->{nodes}[$node][$bit] = \(my $number = $#{ $self->{nodes} });
		}
		$node = $$next;
	}
	$self->{nodes}[$node][ substr($bits, $length - 1, 1) ] = $offset;
	return;
}

# A record of the tree: another node, data behind the tree (and 16 zero bytes), or "nothing", which is the number of nodes.
sub record
{
	my ($self, $entry) = @_;
	my $count = @{ $self->{nodes} };
	return ref $entry ? $$entry : defined $entry ? $count + 16 + $entry : $count;
}

sub pack_node
{
	my ($self, $node) = @_;
	my ($left, $right) = map { $self->record($_) } @$node;
	return substr(pack('N', $left), 1) . substr(pack('N', $right), 1) if $self->{record_size} == 24;
	return pack('NN', $left, $right) if $self->{record_size} == 32;
	return substr(pack('N', $left), 1) . pack('C', ($left >> 24 << 4) | ($right >> 24)) . substr(pack('N', $right), 1);
}

sub write
{
	my ($self, $path) = @_;
	my $metadata = {
		binary_format_major_version => \[ 5, 2 ], binary_format_minor_version => \[ 5, 0 ],
		build_epoch => \[ 9, 1_700_000_000 ], database_type => $self->{type},
		description => { en => 'written by a test' }, ip_version => \[ 5, 6 ], languages => [ [ 'en', 'zh-CN' ] ],
		node_count => scalar @{ $self->{nodes} }, record_size => \[ 5, $self->{record_size} ],
	};
	open my $file, '>:raw', $path or die "$path: $!";
	print $file map({ $self->pack_node($_) } @{ $self->{nodes} }), "\0" x 16, $self->{data},
	  "\xAB\xCD\xEFMaxMind.com", encode($metadata);
	close $file or die "$path: $!";
	return;
}

1;
