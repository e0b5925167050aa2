/*
 * ascii.h
 *	  Questions about single bytes that the server's headers do not answer.
 */
#ifndef MHUB_ASCII_H
#define MHUB_ASCII_H

#include "common/pgcompat.h"

/* Value of a hexadecimal digit of either case, -1 for any other byte */
static inline int
mhub_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Whatever the server's locale takes the bytes above for */
static inline bool
mhub_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
mhub_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
mhub_is_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (IS_HIGHBIT_SET(text[i]))
			return false;
	}
	return true;
}

#endif							/* MHUB_ASCII_H */
