/*
 * own_host.h
 *	  Which host an access log belongs to: the log itself does not say.
 */
#ifndef MHUB_OWN_HOST_H
#define MHUB_OWN_HOST_H

#include "common/pgcompat.h"

#include "collect/line_source.h"

/*
 * The host that most referrers of embedded files (images, scripts, styles)
 * name, over the first lines of the log: what embeds them is the site's own
 * pages.  palloc'd; NULL when no line tells.  Rewinds the source.
 */
extern char *own_host_of_log(LineSource *source);

#endif							/* MHUB_OWN_HOST_H */
