/*
 * mail_header.h
 *	  Header fields of e-mail that nothing can break out of.
 */
#ifndef MHUB_MAIL_HEADER_H
#define MHUB_MAIL_HEADER_H

#include "common/pgcompat.h"

extern bool mail_address_is_safe(const char *address);
extern char *mail_header_text(const char *name, const char *text);
extern char *mail_header_address(const char *name, const char *display, const char *address);
extern char *mail_header_date(int64 time);
extern bool header_is_safe(const char *header);

#endif							/* MHUB_MAIL_HEADER_H */
