/*
 * network.h
 *	  Is an address in a network?
 */
#ifndef MHUB_CONDITION_NETWORK_H
#define MHUB_CONDITION_NETWORK_H

#include "condition/ast.h"

extern bool condition_read_network(const char *text, int length, CondNetwork *network);
extern bool condition_read_address(const char *text, int length, CondNetwork *address);
extern bool condition_in_network(const CondNetwork *address, const CondNetwork *network);

#endif							/* MHUB_CONDITION_NETWORK_H */
