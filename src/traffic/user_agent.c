/*
 * user_agent.c
 *	  Is a user agent a robot's?
 *
 * Five principles.  Robots say so: bot, crawler, monitor ..., an address or
 * mailbox of their owner, an HTTP library.  People use a device or browser
 * that the user agent names, or whose screen it measures, so one that names
 * none is a program, and so is one that calls itself compatible and does not
 * say which browser it is.  What a program adds to a browser's user agent
 * stands where browsers write nothing.
 * Plain browsers name nothing but browsers, so what else they name is a
 * disguise.  And a word within the name of a people's product takes back what
 * a robot's word in it said: Cubot is a phone.
 */
#include "traffic/user_agent.h"

#include "traffic/traffic.h"
#include "utils/memutils.h"

/* Longer ones are cut: no browser sends as much, and time must be bounded. */
#define USER_AGENT_MAX 1024

static MhubAutomaton *automaton = NULL;

static void
build(void)
{
	const MhubWord *lists[2];
	int			counts[2];

	lists[0] = mhub_ua_robot_words;
	counts[0] = mhub_n_ua_robot_words;
	lists[1] = mhub_ua_human_words;
	counts[1] = mhub_n_ua_human_words;
	automaton = mhub_automaton_create(lists, counts, lengthof(lists), TopMemoryContext);
}

/* The words of the text; those within the model of an Android device do not accuse. */
static MhubFound
words_of(const char *text, size_t length)
{
	MhubFound	found = mhub_automaton_scan(automaton, text, length);
	size_t		start;
	size_t		end;

	if (found.weight > 0 && (found.marks & (MHUB_UA_MODEL | MHUB_UA_NAMED)) == MHUB_UA_MODEL &&
		mhub_ua_model(text, &start, &end))
	{
		found.weight = mhub_automaton_scan(automaton, text, start).weight +
			mhub_automaton_scan(automaton, text + end, length - end).weight;
	}
	return found;
}

static bool
is_disguise(const char *text, uint32 marks)
{
	bool		old = (marks & MHUB_UA_OLD) != 0;

	if ((marks & MHUB_UA_SPECIAL) != 0)
		return (marks & MHUB_UA_APP) == 0 && mhub_ua_phone_is_disguise(text);
	return (marks & MHUB_UA_DESKTOP) != 0 &&
		(mhub_ua_desktop_is_disguise(text, old) || (!old && mhub_ua_names_a_site(text)));
}

/* What a program adds to a browser's user agent stands where browsers write nothing. */
static bool
has_addition(const char *text)
{
	return mhub_ua_engine_has_guest(text) || mhub_ua_introduces_itself_late(text) ||
		mhub_ua_follows_another(text) || mhub_ua_has_mailbox(text) || mhub_ua_stamps_time(text);
}

static bool
names_a_device(const char *text, uint32 marks)
{
	return (marks & MHUB_UA_DEVICE) != 0 ||
		(marks & (MHUB_UA_SYSTEM | MHUB_UA_ENGINE | MHUB_UA_COMPATIBLE)) == (MHUB_UA_SYSTEM | MHUB_UA_ENGINE) ||
		mhub_ua_has_screen(text);
}

bool
mhub_is_bot_user_agent(const char *user_agent, size_t length)
{
	char		text[USER_AGENT_MAX + 1];
	MhubFound	found;
	size_t		i;

	if (automaton == NULL)
		build();
	length = Min(length, USER_AGENT_MAX);
	for (i = 0; i < length; i++)
		text[i] = pg_ascii_tolower((unsigned char) user_agent[i]);
	text[length] = '\0';

	found = words_of(text, length);
	return found.weight > 0 || !names_a_device(text, found.marks) || mhub_ua_is_small_word(user_agent, length) ||
		has_addition(text) || is_disguise(text, found.marks);
}
