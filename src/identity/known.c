/*
 * known.c
 *	  The commonest observation: one identifier that is known and was seen of
 *	  late, so that there is nothing to write.
 */
#include "mhub.h"

#include "identity/identity.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/table_access.h"
#include "identity/kinds.h"
#include "privacy/privacy.h"
#include "utils/builtins.h"

enum
{
	KIND, VALUE, IDENTIFIER, PERSON, LAST_SEEN
};

/* Not the table of tables.c, which comes with what it takes to write it */
static MhubTable identifier_table = {
	.name = "identifier",
	.only_read = true,
	.ncolumns = 5,
	.columns = {"kind", "value", "identifier_id", "person_id", "last_seen_at"},
	.types = {TEXTOID, TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID},
	.keys = {{2, {KIND, VALUE}}}
};

static MhubHints hints;

/* As it is stored; NULL when it identifies nobody. */
static char *
stored_value(const IdentityKind *kind, const IdentityName *name)
{
	const char *reason;
	char	   *value = identity_normalise(kind, name->value, name->value_length, &reason);

	return value != NULL && kind->pii ? mhub_blind_index_hex(value, kind->name) : value;
}

static bool
find(MhubTableAccess *identifiers, const IdentityKind *kind, const char *value)
{
	Datum		key[] = {PointerGetDatum(kind->name_text), CStringGetTextDatum(value)};

	return mhub_table_find(identifiers, 0, key, &hints, hash_bytes((const unsigned char *) value, (int) strlen(value)));
}

bool
mhub_identity_known(IdentityObservation *observation)
{
	const IdentityKinds *kinds = identity_kinds();
	const IdentityName *name = &observation->identifiers[0];
	int			kind = identity_kind_number(kinds, name->kind, name->kind_length);
	char	   *value;
	MhubTableAccess *identifiers;
	bool		known;

	if (observation->nidentifiers != 1 || observation->traits != NULL || kind < 0)
		return false;
	value = stored_value(&kinds->kinds[kind], name);
	if (value == NULL)
		return false;
	identifiers = mhub_table_open_to_read(&identifier_table);
	known = find(identifiers, &kinds->kinds[kind], value) &&
		observation->occurred_at - DatumGetTimestampTz(mhub_table_datum(identifiers, LAST_SEEN)) < IDENTITY_SEEN_STEP;
	if (known)
	{
		observation->identifier_id = DatumGetInt64(mhub_table_datum(identifiers, IDENTIFIER));
		observation->person_id = DatumGetInt64(mhub_table_datum(identifiers, PERSON));
	}
	mhub_table_close(identifiers);
	return known;
}
