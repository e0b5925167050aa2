/*
 * automaton.c
 *	  Finds many words in a text at once (Aho and Corasick 1975).
 *
 * The automaton is a full transition table over classes of bytes (those that
 * no word uses share one), so scanning is one look-up a byte, however many
 * words there are.
 */
#include "traffic/automaton.h"

#include "utils/memutils.h"

#define NO_STATE PG_UINT16_MAX

/* A word in its place in the automaton */
typedef struct Output
{
	const MhubWord *word;
	uint16		length;			/* without its marks */
	bool		left_edge;
	bool		right_edge;
	int			next;			/* the next word that ends in this state; -1: none */
} Output;

struct MhubAutomaton
{
	uint8		class_of[256];	/* of bytes, upper case like lower */
	bool		letter[256];
	bool		word[256];		/* letters and digits */
	int			n_classes;
	int			n_states;
	uint16	   *next;			/* [state * n_classes + class] */
	int		   *outputs;		/* per state: first of its outputs, or -1 */
	uint16	   *shorter;		/* per state: the longest proper suffix with outputs, or 0 */
	Output	   *words;
	int			n_words;
};

static void
assign_classes(MhubAutomaton *automaton)
{
	bool		used[256] = {false};
	int			i;

	for (i = 0; i < automaton->n_words; i++)
	{
		const Output *output = &automaton->words[i];
		const char *text = output->word->text + output->left_edge;
		int			k;

		for (k = 0; k < output->length; k++)
			used[(unsigned char) text[k]] = true;
	}
	automaton->n_classes = 1;
	for (i = 0; i < 256; i++)
	{
		if (used[i])
			automaton->class_of[i] = automaton->n_classes++;
	}
	for (i = 'A'; i <= 'Z'; i++)
		automaton->class_of[i] = automaton->class_of[i - 'A' + 'a'];
	for (i = 0; i < 256; i++)
	{
		automaton->letter[i] = (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z');
		automaton->word[i] = automaton->letter[i] || (i >= '0' && i <= '9');
	}
}

static void
read_words(MhubAutomaton *automaton, const MhubWord *const *lists, const int *counts, int n_lists)
{
	int			list;
	int			i;
	Output	   *output = automaton->words;

	for (list = 0; list < n_lists; list++)
	{
		for (i = 0; i < counts[list]; i++, output++)
		{
			const char *text = lists[list][i].text;
			size_t		length = strlen(text);

			output->word = &lists[list][i];
			output->left_edge = text[0] == '<';
			output->right_edge = text[length - 1] == '>';
			output->length = length - output->left_edge - output->right_edge;
		}
	}
}

/* Adds a word to the trie. */
static void
insert(MhubAutomaton *automaton, int word)
{
	Output	   *output = &automaton->words[word];
	const char *text = output->word->text + output->left_edge;
	int			state = 0;
	int			i;

	for (i = 0; i < output->length; i++)
	{
		uint16	   *edge = &automaton->next[state * automaton->n_classes +
											automaton->class_of[(unsigned char) text[i]]];

		if (*edge == NO_STATE)
			*edge = automaton->n_states++;
		state = *edge;
	}
	output->next = automaton->outputs[state];
	automaton->outputs[state] = word;
}

/*
 * Breadth first: the suffix state of each state, and with it the transitions
 * that the trie lacks.
 */
static void
complete(MhubAutomaton *automaton)
{
	int			n = automaton->n_classes;
	uint16	   *queue = palloc(sizeof(uint16) * automaton->n_states);
	uint16	   *suffix = palloc0(sizeof(uint16) * automaton->n_states);
	int			head = 0;
	int			tail = 0;

	queue[tail++] = 0;
	while (head < tail)
	{
		int			state = queue[head++];
		int			class;

		for (class = 0; class < n; class++)
		{
			uint16	   *edge = &automaton->next[state * n + class];
			uint16		fallback = state == 0 ? 0 : automaton->next[suffix[state] * n + class];

			if (*edge == NO_STATE)
				*edge = fallback;
			else
			{
				suffix[*edge] = fallback;
				automaton->shorter[*edge] =
					automaton->outputs[fallback] >= 0 ? fallback : automaton->shorter[fallback];
				queue[tail++] = *edge;
			}
		}
	}
	pfree(queue);
	pfree(suffix);
}

/* Builds the automaton of several lists, in context; the lists must stay. */
MhubAutomaton *
mhub_automaton_create(const MhubWord *const *lists, const int *counts, int n_lists, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	MhubAutomaton *automaton = palloc0(sizeof(MhubAutomaton));
	int			max_states = 1;
	int			i;

	for (i = 0; i < n_lists; i++)
		automaton->n_words += counts[i];
	automaton->words = palloc0(sizeof(Output) * automaton->n_words);
	read_words(automaton, lists, counts, n_lists);
	for (i = 0; i < automaton->n_words; i++)
		max_states += automaton->words[i].length;
	if (max_states >= NO_STATE)
		elog(ERROR, "too many words for the automaton");
	assign_classes(automaton);

	automaton->n_states = 1;
	automaton->next = palloc(sizeof(uint16) * max_states * automaton->n_classes);
	memset(automaton->next, 0xFF, sizeof(uint16) * max_states * automaton->n_classes);
	automaton->shorter = palloc0(sizeof(uint16) * max_states);
	automaton->outputs = palloc(sizeof(int) * max_states);
	memset(automaton->outputs, 0xFF, sizeof(int) * max_states);
	for (i = 0; i < automaton->n_words; i++)
		insert(automaton, i);
	complete(automaton);
	MemoryContextSwitchTo(old);
	return automaton;
}

static bool
edges_hold(const MhubAutomaton *automaton, const Output *output, const char *text, size_t length, size_t end)
{
	size_t		start = end - output->length;

	if (output->left_edge && start > 0 && automaton->word[(unsigned char) text[start - 1]])
		return false;
	return !(output->right_edge && end < length && automaton->letter[(unsigned char) text[end]]);
}

/* The sum of the weights, and all marks, of the words in the text */
MhubFound
mhub_automaton_scan(const MhubAutomaton *automaton, const char *text, size_t length)
{
	MhubFound	found = {0, 0};
	int			n = automaton->n_classes;
	int			state = 0;
	size_t		i;

	for (i = 0; i < length; i++)
	{
		int			at;
		int			word;

		state = automaton->next[state * n + automaton->class_of[(unsigned char) text[i]]];
		for (at = state; at != 0; at = automaton->shorter[at])
		{
			for (word = automaton->outputs[at]; word >= 0; word = automaton->words[word].next)
			{
				const Output *output = &automaton->words[word];

				if (edges_hold(automaton, output, text, length, i + 1))
				{
					found.weight += output->word->weight;
					found.marks |= output->word->marks;
				}
			}
		}
	}
	return found;
}
