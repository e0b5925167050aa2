/*
 * user_agent.h
 *	  The words by which robots and people's devices are known.
 */
#ifndef MHUB_USER_AGENT_H
#define MHUB_USER_AGENT_H

#include "traffic/automaton.h"

/* A device, system or browser that people hold in their hands */
#define MHUB_UA_DEVICE 1u

extern const MhubWord mhub_ua_robot_words[];
extern const int mhub_n_ua_robot_words;
extern const MhubWord mhub_ua_human_words[];
extern const int mhub_n_ua_human_words;

#endif							/* MHUB_USER_AGENT_H */
