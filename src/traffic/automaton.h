/*
 * automaton.h
 *	  Finds many words in a text at once (Aho and Corasick 1975).
 */
#ifndef MHUB_AUTOMATON_H
#define MHUB_AUTOMATON_H

#include "common/pgcompat.h"

/*
 * A word to find, in lower case; the text's letters are folded.  < in front:
 * no letter or digit before it; > behind: no letter after it.
 */
typedef struct MhubWord
{
	const char *text;
	int			weight;			/* adds to the text's weight */
	uint32		marks;			/* is set in the text's marks */
} MhubWord;

typedef struct MhubFound
{
	int			weight;
	uint32		marks;
} MhubFound;

typedef struct MhubAutomaton MhubAutomaton;

extern MhubAutomaton *mhub_automaton_create(const MhubWord *const *lists, const int *counts, int n_lists,
											MemoryContext context);
extern MhubFound mhub_automaton_scan(const MhubAutomaton *automaton, const char *text, size_t length);

#endif							/* MHUB_AUTOMATON_H */
