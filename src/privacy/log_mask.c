/*
 * log_mask.c
 *	  Keeping personal data out of the server's log.
 *
 * An application that calls mhub.identify('{"email": ...}') has the address
 * in the text of its statement, and log_statement, log_min_duration_statement,
 * auto_explain and every error would write it to the log.  This hook blots
 * values out of what the log says about statements that mention mhub (or, by
 * mhub.mask_log, about all).  What the client is told stays as it is.
 */
#include "mhub.h"

#include "privacy/log_mask.h"
#include "privacy/mask_text.h"

#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

typedef enum MaskMode
{
	MASK_OFF,
	MASK_MHUB,
	MASK_ALL
} MaskMode;

static const struct config_enum_entry mask_modes[] = {
	{"off", MASK_OFF, false},
	{"mhub", MASK_MHUB, false},
	{"all", MASK_ALL, false},
	{NULL, 0, false}
};

static int	mask_mode = MASK_MHUB;
static emit_log_hook_type previous_hook = NULL;

static bool
mentions_mhub(const char *text)
{
	if (text == NULL)
		return false;
	for (; *text != '\0'; text++)
	{
		if ((*text == 'm' || *text == 'M') && pg_strncasecmp(text, "mhub", 4) == 0)
			return true;
	}
	return false;
}

/* Whether the values of a statement are to be seen nowhere */
bool
mhub_statement_is_masked(const char *statement)
{
	return mask_mode == MASK_MHUB ? mentions_mhub(statement) : mask_mode == MASK_ALL;
}

static bool
is_sensitive(const ErrorData *edata)
{
	return mhub_statement_is_masked(debug_query_string) ||
		mhub_statement_is_masked(edata->message) || mhub_statement_is_masked(edata->detail);
}

/* Data exceptions and constraint violations quote the values they refuse. */
static bool
quotes_values(int sqlstate)
{
	int			category = ERRCODE_TO_CATEGORY(sqlstate);

	return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

/*
 * The log's own copy of an error's message, with the value blotted out: the
 * original also goes to the client, which sent the value and should see it.
 */
static void
log_instead(ErrorData *edata)
{
	char	   *message = MemoryContextStrdup(ErrorContext, edata->message);

	mhub_mask_quoted(message);
	edata->output_to_server = false;
	ereport(LOG,
			(errcode(edata->sqlerrcode),
			 errmsg_internal("%s: %s", edata->elevel >= FATAL ? "FATAL" : "ERROR", message),
			 errhidestmt(true), errhidecontext(true)));
}

static void
mask_error(ErrorData *edata)
{
	edata->hide_stmt = true;
	edata->hide_ctx = true;
	if (!quotes_values(edata->sqlerrcode))
		return;
	if (strchr(edata->message, '"') != NULL)
		log_instead(edata);
	else if (edata->detail != NULL && edata->detail_log == NULL)
		edata->detail_log = MemoryContextStrdup(ErrorContext, "(kept out of the log by mhub.mask_log)");
}

/* Messages that the server writes about statements: the statement is in them. */
static void
mask_message(ErrorData *edata)
{
	edata->hide_stmt = true;
	mhub_mask_literals(edata->message);
	if (edata->detail != NULL)
		mhub_mask_literals(edata->detail);
	if (edata->context != NULL)
		mhub_mask_literals(edata->context);
}

static void
mask_log(ErrorData *edata)
{
	static bool working = false;

	/* hooks may do this too, and log_instead() comes back here */
	if (!working && edata->output_to_server && edata->message != NULL && is_sensitive(edata))
	{
		working = true;
		if (edata->elevel >= ERROR)
			mask_error(edata);
		else if (edata->elevel == LOG || edata->elevel == LOG_SERVER_ONLY)
			mask_message(edata);
		else
			edata->hide_stmt = true;
		working = false;
	}
	if (previous_hook != NULL)
		previous_hook(edata);
}

void
mhub_log_mask_init(void)
{
	DefineCustomEnumVariable("mhub.mask_log",
							 "Blots values out of what the server's log says about statements.",
							 "mhub: in statements that mention mhub; all: in all statements; off. Works in sessions that have loaded mhub, so set session_preload_libraries = 'mhub'.",
							 &mask_mode, MASK_MHUB, mask_modes, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	previous_hook = emit_log_hook;
	emit_log_hook = mask_log;
}
