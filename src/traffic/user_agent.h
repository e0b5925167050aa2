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
#define MHUB_UA_OLD 64u			/* a desktop browser of before 2011, whose comments name all sorts of things */
#define MHUB_UA_APP 128u		/* an app or browser of one of China's platforms, whose pages say much of themselves */
#define MHUB_UA_COMPATIBLE 256u /* says that it is compatible, as robots do and browsers that have a name */

/* And of a robot's own name, which is one even where a device's model stands */
#define MHUB_UA_NAMED 512u

extern const MhubWord mhub_ua_robot_words[];
extern const int mhub_n_ua_robot_words;
extern const MhubWord mhub_ua_human_words[];
extern const int mhub_n_ua_human_words;

/* Products that desktop browsers name, and beginnings of what they say about their platform; sorted */
extern const char *const mhub_ua_products[];
extern const int mhub_n_ua_products;
extern const char *const mhub_ua_platforms[];
extern const int mhub_n_ua_platforms;

/* Shapes that no browser's user agent has; text (not user_agent) in lower case, NUL-terminated */
extern bool mhub_ua_names_a_site(const char *text);
extern bool mhub_ua_has_mailbox(const char *text);
extern bool mhub_ua_stamps_time(const char *text);
extern bool mhub_ua_has_screen(const char *text);
extern bool mhub_ua_engine_has_guest(const char *text);
extern bool mhub_ua_introduces_itself_late(const char *text);
extern bool mhub_ua_follows_another(const char *text);
extern bool mhub_ua_desktop_is_disguise(const char *text, bool old);
extern bool mhub_ua_phone_is_disguise(const char *text);

extern bool mhub_ua_is_small_word(const char *user_agent, size_t length);
extern bool mhub_ua_model(const char *text, size_t *start, size_t *end);
extern bool mhub_ua_is_language(const char *item, size_t length);
extern int	mhub_ua_letters(const char *text, size_t length);

#endif							/* MHUB_USER_AGENT_H */
