/*
 * kept_elsewhere.h
 *	  Tables whose rows an extension keeps somewhere else.
 */
#ifndef MHUB_KEPT_ELSEWHERE_H
#define MHUB_KEPT_ELSEWHERE_H

#include "common/pgcompat.h"

#include "utils/rel.h"

extern bool mhub_is_kept_elsewhere(Relation table);

#endif							/* MHUB_KEPT_ELSEWHERE_H */
