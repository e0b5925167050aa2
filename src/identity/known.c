/*
 * known.c
 *	  The commonest observation: one identifier that is known and was seen of
 *	  late, so that there is nothing to write.
 */
#include "mhub.h"

#include "identity/identity.h"

#include "catalog/pg_type.h"
#include "common/table_reader.h"
#include "identity/kinds.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"

static MhubLookup identifier_lookup = {
	.table = "identifier",
	.nkeys = 2, .keys = {{"kind", TEXTOID}, {"value", TEXTOID}},
	.ncolumns = 3, .columns = {{"identifier_id", INT8OID}, {"person_id", INT8OID}, {"last_seen_at", TIMESTAMPTZOID}}
};

/* As it is stored; NULL when it identifies nobody. */
static char *
stored_value(const IdentityKind *kind, const IdentityName *name)
{
	const char *reason;
	char	   *value = identity_normalise(kind, name->value, name->value_length, &reason);

	return value != NULL && kind->pii ? mhub_blind_index_hex(value, kind->name) : value;
}

bool
mhub_identity_known(IdentityObservation *observation, Snapshot snapshot)
{
	const IdentityKinds *kinds = identity_kinds();
	const IdentityName *name = &observation->identifiers[0];
	int			kind = identity_kind_number(kinds, name->kind, name->kind_length);
	char	   *value;
	MhubReader	reader;
	Datum		values[3];
	bool		nulls[3];
	bool		known;

	if (observation->nidentifiers != 1 || observation->traits != NULL || kind < 0)
		return false;
	value = stored_value(&kinds->kinds[kind], name);
	if (value == NULL)
		return false;
	mhub_reader_open(&reader, &identifier_lookup, snapshot);
	mhub_reader_find(&reader, (Datum[]) {PointerGetDatum(kinds->kinds[kind].name_text), CStringGetTextDatum(value)});
	known = mhub_reader_next(&reader, values, nulls) &&
		observation->occurred_at - DatumGetTimestampTz(values[2]) < IDENTITY_SEEN_STEP;
	if (known)
	{
		observation->identifier_id = DatumGetInt64(values[0]);
		observation->person_id = DatumGetInt64(values[1]);
	}
	mhub_reader_close(&reader);
	return known;
}
