/*
 * user_agent.c
 *	  Is a user agent a robot's?
 *
 * Three principles, in this order of strength: robots say so (bot, crawler,
 * monitor ..., an address or mailbox of their owner, an HTTP library); people
 * use a device or browser that the user agent names, so one that names none
 * is a program; and a word that is part of a people's product takes back what
 * a robot's word within it said (Cubot is a phone).
 */
#include "traffic/user_agent.h"

#include "traffic/traffic.h"
#include "utils/memutils.h"

/* Longer ones are cut: no browser sends as much, and time must be bounded. */
#define USER_AGENT_MAX 2048

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

bool
mhub_is_bot_user_agent(const char *user_agent, size_t length)
{
	MhubFound	found;

	if (automaton == NULL)
		build();
	found = mhub_automaton_scan(automaton, user_agent, Min(length, USER_AGENT_MAX));
	return found.weight > 0 || (found.marks & MHUB_UA_DEVICE) == 0;
}
