# A whole campaign of another system with its expected counts, where its data is at hand.
#
# Their campaign branches into several actions at once; a person here is at one place.  So each of their parallel paths
# from the root is a workflow of ours, with the same conditions and waits, and the counts per node must be the same.
use strict;
use warnings;
use JSON::PP;
use Mhub;
use PostgreSQL::Test::Utils;
use Test::More;

my $file = shared_data('workflow/mautic_scenario.json') or plan skip_all => 'needs shared data';
my $scenario = decode_json(slurp_file($file));
my $node = mhub_node('scenario');
hub_database($node, 'hub');
sub answer { return $node->safe_psql('hub', "SET timezone = 'UTC'; " . $_[0]); }
my $clock = sub { return sprintf "SET mhub.simulated_time = '2027-03-01 12:00:%02d'; ", $_[0] };

for my $contact (@{ $scenario->{contacts} })
{
	answer("SELECT mhub.identify(jsonb_build_object('user_id', 'contact-$contact->{id}'), jsonb_build_object('country', '$contact->{country}'))");
}
is(answer("SELECT count(*) FROM mhub.identifier WHERE value = 'contact-' || person_id AND identifier_id = person_id"), '50', 'contacts have their numbers as ids');
answer(q{INSERT INTO mhub.template (key, channel, text_body) VALUES ('email 1', 'email', '1'), ('email 2', 'email', '2');});
sub workflow { my ($key, $definition) = @_; answer("SELECT mhub.create_workflow('$key', '$definition'); SELECT mhub.publish_workflow('$key')"); }

# nodes 1, 11, 12, 13, 16
workflow('tags', '{"triggers": [{"type": "api"}], "start": "1", "steps": {
	"1": {"type": "update", "set": {"CampaignTest": true}, "next": "11"},
	"11": {"type": "decision", "branches": [{"name": "yes", "if": "country = \'\'United States\'\'", "next": "12"}], "else": "13"},
	"12": {"type": "update", "set": {"US:Action": true}, "next": "16"}, "13": {"type": "update", "set": {"NonUS:Action": true}, "next": null},
	"16": {"type": "update", "set": {"ChainedAction": true}, "next": null}}}');
# nodes 2, 3 and what hangs on it; 14 and 15 wait two and six minutes
workflow('mails', '{"triggers": [{"type": "api"}], "start": "3 s", "steps": {
	"3 s": {"type": "delay", "for": "3 seconds", "next": "2"},
	"2": {"type": "message", "channel": "email", "template": "email 1", "purpose": "transactional", "next": "3"},
	"3": {"type": "wait_for", "event": "Email Opened", "timeout": "3 seconds", "next": "10", "on_timeout": "4"},
	"10": {"type": "message", "channel": "email", "template": "email 2", "purpose": "transactional", "next": null},
	"4": {"type": "decision", "branches": [{"name": "yes", "if": "country = \'\'United Kingdom\'\'", "next": "8"}], "else": "9"},
	"8": {"type": "update", "set": {"UK:NotOpen": true}, "next": "5"}, "9": {"type": "update", "set": {"NonUK:NotOpen": true}, "next": "5"},
	"5": {"type": "decision", "branches": [{"name": "yes", "if": "country = \'\'United States\'\'", "next": "6"}], "else": "7"},
	"6": {"type": "update", "set": {"US:NotOpen": true}, "next": "14 wait"}, "7": {"type": "update", "set": {"NonUS:NotOpen": true}, "next": "14 wait"},
	"14 wait": {"type": "delay", "for": "2 minutes", "next": "14"}, "14": {"type": "update", "set": {"EmailNotOpen": true}, "next": "15 wait"},
	"15 wait": {"type": "delay", "for": "4 minutes", "next": "15"}, "15": {"type": "update", "set": {"EmailNotOpen again": true}, "next": null}}}');

# How often a node of theirs was left by us; a node not yet come to has no row.
sub counts
{
	my ($expected, $name) = @_;
	for my $id (sort { $a <=> $b } keys %$expected)
	{
		is(answer("SELECT coalesce(sum(visits), 0) FROM mhub.workflow_metrics WHERE step = '$id' AND outcome NOT IN ('waiting')"), $expected->{$id}, "$name: node $id");
	}
}
my $steps = $scenario->{steps};
answer($clock->(0) . "SELECT mhub.enroll_person(w, p) FROM generate_series(1, 50) AS p, unnest(ARRAY['tags', 'mails']) AS w; CALL mhub.advance_workflows()");
my %first = %{ $steps->[0]{expect_log_counts} };
# Their log also counts what is merely scheduled: node 2 waits for its time.
is(answer("SELECT waiting FROM mhub.workflow_waiting WHERE step = '3 s'"), delete $first{2}, 't0: node 2 scheduled for all');
counts(\%first, 't0');
is(answer("SELECT count(*) FROM mhub.message"), '0', 't0: nothing sent');
is(answer("SELECT visits FROM mhub.workflow_metrics WHERE step = '11' AND outcome = 'else'"), '42', 't0: no-branch of node 11');

answer($clock->(3) . 'CALL mhub.advance_workflows()');
is(answer("SELECT count(*) || ' ' || count(DISTINCT person_id) FROM mhub.message WHERE template = 'email 1'"), '50 50', 'email 1 once to each');
answer($clock->(4) . "SELECT mhub.record_event(p, 'Email Opened', '{}', mhub.now()) FROM generate_series(1, 25) AS p; CALL mhub.advance_workflows()");
my %opened = %{ $steps->[2]{expect_log_counts} };
counts(\%opened, 'opened');
is(answer("SELECT count(DISTINCT person_id) FROM mhub.message WHERE template = 'email 2' AND person_id <= 25"), '25', 'email 2 at once to the 25');

answer($clock->(12) . 'CALL mhub.advance_workflows()');
my %last = %{ $steps->[3]{expect_log_counts} };
# Ours runs one after the other what theirs schedules side by side: 15 begins when 14 is done.
is(answer("SELECT waiting FROM mhub.workflow_waiting WHERE step = '14 wait'"), delete $last{14}, 'inaction: node 14 scheduled');
delete $last{15};
counts(\%last, 'inaction');
is(answer("SELECT visits FROM mhub.workflow_metrics WHERE step = '3' AND outcome = 'timeout'"), '25', '25 did not open');
is(answer("SELECT count(*) FROM mhub.person WHERE traits ? 'EmailNotOpen'"), '0', 'nobody tagged yet');
is(answer("SELECT count(*) FROM mhub.message WHERE template = 'email 1'"), '50', 'no second email 1');
answer("SET mhub.simulated_time = '2027-03-01 12:20:00'; CALL mhub.advance_workflows(); SET mhub.simulated_time = '2027-03-01 12:40:00'; CALL mhub.advance_workflows()");
is(answer("SELECT count(*) FROM mhub.person WHERE traits ? 'EmailNotOpen again'"), '25', 'and later node 15 for the 25');
$node->stop;
done_testing();
