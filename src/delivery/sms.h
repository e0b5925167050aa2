/*
 * sms.h
 *	  How many parts a text message takes.
 */
#ifndef MHUB_SMS_H
#define MHUB_SMS_H

#include "common/pgcompat.h"

typedef struct SmsLength
{
	bool		gsm7;			/* else UCS-2 */
	int			units;			/* septets, or 16-bit units */
	int			segments;
} SmsLength;

extern SmsLength sms_length(const unsigned char *text, int length);

#endif							/* MHUB_SMS_H */
