/*
 * error_class.c
 *	  What an error is about, by its code.
 */
#include "mhub.h"

#include "common/error_class.h"

#include "utils/builtins.h"

#define CODE_LENGTH 5

PG_FUNCTION_INFO_V1(mhub_is_about_data);

bool
mhub_error_is_about_data(int sqlerrcode)
{
	static const int classes[] = {
		ERRCODE_CARDINALITY_VIOLATION, ERRCODE_DATA_EXCEPTION, ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION,
		ERRCODE_EXTERNAL_ROUTINE_EXCEPTION, ERRCODE_EXTERNAL_ROUTINE_INVOCATION_EXCEPTION,
		ERRCODE_PROGRAM_LIMIT_EXCEEDED, ERRCODE_PLPGSQL_ERROR
	};
	int			i;

	for (i = 0; i < (int) lengthof(classes); i++)
	{
		if (ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_TO_CATEGORY(classes[i]))
			return true;
	}
	return false;
}

/* mhub.is_about_data(code text) */
Datum
mhub_is_about_data(PG_FUNCTION_ARGS)
{
	char	   *code = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (strlen(code) != CODE_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is no SQLSTATE", code)));
	PG_RETURN_BOOL(mhub_error_is_about_data(MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4])));
}
