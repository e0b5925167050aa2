-- Templates: Mustache in the database, and the length of text messages.

CREATE FUNCTION mhub.render_template(template text, data jsonb, escape text DEFAULT 'html', partials jsonb DEFAULT NULL) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'mhub_render_template';
COMMENT ON FUNCTION mhub.render_template(text, jsonb, text, jsonb) IS
'Fills a Mustache template in with data (Mustache specification 1.4, without lambdas). {{name}} is escaped as escape says: html (default), none, json (for use inside a JSON string) or url (a component of a URL or form); {{{name}}} and {{&name}} are not escaped. {{name|some text}} prints the text where name is missing, null or empty. {{#name}}...{{/name}} is left out for a missing, null, false or empty value and repeated for a list; {{^name}} is the opposite. partials: jsonb object of name to template text for {{>name}}; one that is missing prints nothing. Returns NULL for a NULL template. Errors: syntax_error with the place for a malformed template, invalid_parameter_value for an unknown escape, null_value_not_allowed, program_limit_exceeded for partials nested more than 32 deep.';

CREATE FUNCTION mhub.check_template(template text) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_check_template';
COMMENT ON FUNCTION mhub.check_template(text) IS
'True for a well-formed Mustache template, else error syntax_error that names the place. NULL for NULL. Used by the check constraints of mhub.template and mhub.provider.';

CREATE FUNCTION mhub.template_variables(template text) RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_template_variables';
COMMENT ON FUNCTION mhub.template_variables(text) IS
'The names that a Mustache template uses, each once, in order of first use; without partials and without the "." of lists. NULL for NULL. Error syntax_error for a malformed template.';

CREATE FUNCTION mhub.sms_length(message text, OUT encoding text, OUT units integer, OUT segments integer) RETURNS record
LANGUAGE c IMMUTABLE PARALLEL SAFE STRICT AS 'MODULE_PATHNAME', 'mhub_sms_length';
COMMENT ON FUNCTION mhub.sms_length(text) IS
'How a text goes out by SMS: encoding GSM-7 (septets) or UCS-2 (16-bit units, as soon as one character is outside the GSM alphabet, as in any Chinese text), its units, and the segments it is split into and billed as: one up to 160 septets or 70 units, else one per 153 or 67, where no character is torn apart (3GPP TS 23.038, 23.040). Empty text has 0 segments; NULL for NULL.';
