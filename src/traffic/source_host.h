/*
 * source_host.h
 *	  Which site is what: search engines, social networks, mail services ...
 */
#ifndef MHUB_SOURCE_HOST_H
#define MHUB_SOURCE_HOST_H

#include "common/pgcompat.h"

typedef enum MhubSourceCategory
{
	MHUB_SOURCE_NONE,			/* known, but of no category: an ordinary referral */
	MHUB_SOURCE_SEARCH,
	MHUB_SOURCE_SOCIAL,
	MHUB_SOURCE_VIDEO,
	MHUB_SOURCE_SHOPPING,
	MHUB_SOURCE_EMAIL,
	MHUB_SOURCE_AI,
	MHUB_SOURCE_PAID,			/* ad servers: whoever comes from there clicked an ad */
	MHUB_SOURCE_EXCLUDED,		/* payment and login pages: coming back from there is no arrival */
	MHUB_SOURCE_OWN,
	MHUB_SOURCE_SPAM
} MhubSourceCategory;

/* As a brand's source: each of its hosts is a source of its own */
#define MHUB_SOURCE_BY_HOST "="

/* One site or service, as the lists write it; words are separated by spaces */
typedef struct MhubSourceBrand
{
	const char *source;			/* its name as a traffic source, lower case */
	const char *hosts;			/* host[/path]; example.* is every top-level domain; subdomains are included */
	const char *aliases;		/* further names that utm_source may use; NULL: none */
	const char *terms;			/* the parameters that hold the search words; NULL: q */
} MhubSourceBrand;

typedef struct MhubSourceList
{
	MhubSourceCategory category;
	const MhubSourceBrand *brands;	/* ends with an empty one */
} MhubSourceList;

/* What is known about a host or a source's name */
typedef struct MhubSourceFact
{
	const char *source;
	const char *terms;
	MhubSourceCategory category;
} MhubSourceFact;

extern const MhubSourceList mhub_source_lists[];	/* ends with an empty one */

extern const char *mhub_category_name(MhubSourceCategory category);
extern bool mhub_category_by_name(const char *name, MhubSourceCategory *category);

typedef struct MhubSourceIndex MhubSourceIndex;

extern MhubSourceIndex *mhub_source_index_create(MemoryContext context);
extern void mhub_source_index_add(MhubSourceIndex *index, const char *host, const MhubSourceFact *fact);
extern void mhub_source_index_name(MhubSourceIndex *index, const char *name, const MhubSourceFact *fact);
extern const MhubSourceFact *mhub_source_by_host(const MhubSourceIndex *index, const char *host,
												 const char *path);
extern const MhubSourceFact *mhub_source_by_name(const MhubSourceIndex *index, const char *name);

#endif							/* MHUB_SOURCE_HOST_H */
