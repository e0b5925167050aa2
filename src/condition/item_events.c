/*
 * item_events.c
 *	  Which events a condition must see one by one: those with "where" and
 *	  those in windows shorter than days.  Daily counters answer the rest.
 */
#include "condition/profile.h"

void
profile_add_event(const char *event, char ***events, int *nevents)
{
	for (int i = 0; i < *nevents; i++)
	{
		if (strcmp((*events)[i], event) == 0)
			return;
	}
	*events = *events == NULL ? palloc(sizeof(char *)) : repalloc(*events, (*nevents + 1) * sizeof(char *));
	(*events)[(*nevents)++] = pstrdup(event);
}

void
condition_item_events(const CondNode *node, char ***events, int *nevents)
{
	if (node->event != NULL && (node->nchildren > 0 || (node->kind == COND_DID && node->has_span && node->span.usecs != 0)))
		profile_add_event(node->event, events, nevents);
	for (int i = 0; i < node->nchildren; i++)
		condition_item_events(node->children[i], events, nevents);
}
