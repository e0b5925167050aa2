-- What erasure leaves behind: identifiers of nobody.

INSERT INTO mhub.identifier_kind (kind, normaliser, priority, mergeable, description)
VALUES ('erased', 'exact', 999, false, 'Random stand-in for the identifiers of an erased person.')
ON CONFLICT DO NOTHING;
