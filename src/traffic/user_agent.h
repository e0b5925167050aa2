/*
 * user_agent.h
 *	  The words by which robots and people's devices and browsers are known.
 */
#ifndef MHUB_USER_AGENT_H
#define MHUB_USER_AGENT_H

#include "traffic/automaton.h"

/* Marks of words that people's user agents have */
#define MHUB_UA_DEVICE 1u		/* a device, a system of one, or a browser: enough by itself */
#define MHUB_UA_SYSTEM 2u		/* a system that servers and scripts name too */
#define MHUB_UA_ENGINE 4u		/* a browser's engine */
#define MHUB_UA_DESKTOP 8u		/* a desktop computer */
#define MHUB_UA_SPECIAL 16u		/* no plain desktop browser: phone, television, console, old or embedded browser */
#define MHUB_UA_MODEL 32u		/* Android, whose comment names the device's model */

extern const MhubWord mhub_ua_robot_words[];
extern const int mhub_n_ua_robot_words;
extern const MhubWord mhub_ua_human_words[];
extern const int mhub_n_ua_human_words;

/* And of a robot's own name, which is one even where a device's model stands */
#define MHUB_UA_NAMED 64u

/* Products that desktop browsers name, and beginnings of what they say about their platform; sorted */
extern const char *const mhub_ua_products[];
extern const int mhub_n_ua_products;
extern const char *const mhub_ua_platforms[];
extern const int mhub_n_ua_platforms;

/* Shapes that no browser's user agent has; text in lower case, NUL-terminated */
extern bool mhub_ua_names_a_site(const char *text);
extern bool mhub_ua_engine_has_guest(const char *text);
extern bool mhub_ua_has_unknown_product(const char *text);
extern bool mhub_ua_has_unknown_platform(const char *text);
extern bool mhub_ua_model(const char *text, size_t *start, size_t *end);

#endif							/* MHUB_USER_AGENT_H */
