-- Traits that are personal data are sealed.

CREATE TABLE mhub.pii_trait (
    name text COLLATE "C" PRIMARY KEY CHECK (name <> ''),
    description text NOT NULL DEFAULT '',
    normaliser text CHECK (normaliser IN ('exact', 'lower', 'email', 'phone'))
);
COMMENT ON TABLE mhub.pii_trait IS 'Traits that identify a person. They are sealed into mhub.sealed_trait instead of being stored in mhub.person.traits, so conditions cannot use them. Sessions notice changes; a change concerns traits written from then on: call mhub.seal_known_traits() for those there already.';
COMMENT ON COLUMN mhub.pii_trait.name IS 'Name of the trait. Case, underscores, hyphens and spaces make no difference: first_name is also firstName.';
COMMENT ON COLUMN mhub.pii_trait.description IS 'What it is.';
COMMENT ON COLUMN mhub.pii_trait.normaliser IS 'With it a blind index of the normalised value is kept, by which mhub.match_candidates() finds others with the same: exact, lower, email or phone. NULL, as for names: none, because whoever reads the table could count the common ones.';
INSERT INTO mhub.pii_trait (name, description) VALUES
    ('name', 'full name'), ('full_name', 'full name'), ('first_name', 'given name'), ('last_name', 'family name'), ('given_name', 'given name'), ('family_name', 'family name'),
    ('middle_name', 'middle name'), ('nickname', 'name used among friends'), ('real_name', 'full name'),
    ('email', 'e-mail address'), ('email_address', 'e-mail address'), ('phone', 'telephone number'), ('phone_number', 'telephone number'), ('mobile', 'telephone number'),
    ('mobile_phone', 'telephone number'), ('tel', 'telephone number'), ('telephone', 'telephone number'), ('fax', 'fax number'),
    ('address', 'postal address'), ('street', 'postal address'), ('street_address', 'postal address'), ('id_card', 'identity card'), ('id_number', 'identity card'),
    ('passport', 'passport number'), ('ssn', 'social security number'), ('bank_account', 'bank account'), ('iban', 'bank account'), ('credit_card', 'credit card'),
    ('wechat', 'WeChat name'), ('wechat_id', 'WeChat name'), ('qq', 'QQ number'), ('avatar', 'picture');
-- The Chinese names in hexadecimal UTF-8, because this script is run in databases of any encoding.
INSERT INTO mhub.pii_trait (name, description)
SELECT convert_from(decode(chinese.name, 'hex'), 'UTF8'), chinese.description FROM (VALUES
    ('e5a793e5908d', 'full name, in Chinese'),
    ('e5908de5ad97', 'given name, in Chinese'),
    ('e79c9fe5ae9ee5a793e5908d', 'full name, in Chinese'),
    ('e698b5e7a7b0', 'name used among friends, in Chinese'),
    ('e982aee7aeb1', 'e-mail address, in Chinese'),
    ('e794b5e5ad90e982aee7aeb1', 'e-mail address, in Chinese'),
    ('e6898be69cba', 'telephone number, in Chinese'),
    ('e6898be69cbae58fb7', 'telephone number, in Chinese'),
    ('e6898be69cbae58fb7e7a081', 'telephone number, in Chinese'),
    ('e794b5e8af9d', 'telephone number, in Chinese'),
    ('e794b5e8af9de58fb7e7a081', 'telephone number, in Chinese'),
    ('e59cb0e59d80', 'postal address, in Chinese'),
    ('e8afa6e7bb86e59cb0e59d80', 'postal address, in Chinese'),
    ('e694b6e8b4a7e59cb0e59d80', 'postal address, in Chinese'),
    ('e8baabe4bbbde8af81', 'identity card, in Chinese'),
    ('e8baabe4bbbde8af81e58fb7', 'identity card, in Chinese'),
    ('e68aa4e785a7e58fb7', 'passport number, in Chinese'),
    ('e993b6e8a18ce58da1e58fb7', 'bank account, in Chinese'),
    ('e5beaee4bfa1', 'WeChat name, in Chinese'),
    ('e5beaee4bfa1e58fb7', 'WeChat name, in Chinese'),
    ('e5a4b4e5838f', 'picture, in Chinese')
) AS chinese (name, description) WHERE getdatabaseencoding() IN ('UTF8', 'SQL_ASCII', 'EUC_CN');
UPDATE mhub.pii_trait SET normaliser = CASE WHEN description = 'e-mail address' OR description = 'e-mail address, in Chinese' THEN 'email'
    WHEN description IN ('telephone number', 'telephone number, in Chinese') THEN 'phone' ELSE 'lower' END
WHERE description ~ '^(e-mail address|telephone number|identity card|passport number|social security number|bank account|credit card|WeChat name|QQ number)';
CREATE TRIGGER pii_trait_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mhub.pii_trait
    FOR EACH STATEMENT EXECUTE FUNCTION mhub.invalidate_cache();

CREATE TABLE mhub.sealed_trait (
    person_id bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    sealed mhub.enc NOT NULL,
    observed_at timestamptz NOT NULL,
    value_index bytea,
    PRIMARY KEY (person_id, name)
);
CREATE INDEX sealed_trait_value_index_idx ON mhub.sealed_trait (value_index) WHERE value_index IS NOT NULL;
INSERT INTO mhub.enc_column (name) VALUES ('sealed_trait.sealed');
COMMENT ON TABLE mhub.sealed_trait IS 'The traits of mhub.pii_trait, sealed for the person. Merging persons does not move them: mhub.personal_traits() reads those of all ids of a person.';
COMMENT ON COLUMN mhub.sealed_trait.person_id IS 'The id that was the person''s when the trait was written.';
COMMENT ON COLUMN mhub.sealed_trait.name IS 'Name of the trait as sent.';
COMMENT ON COLUMN mhub.sealed_trait.sealed IS 'Its value, sealed: a text as it is, anything else as JSON.';
COMMENT ON COLUMN mhub.sealed_trait.observed_at IS 'The time of the observation it comes from; a later one wins.';

COMMENT ON COLUMN mhub.sealed_trait.value_index IS 'Blind index of the value, where mhub.pii_trait.normaliser asks for one and the value is what that is for; else NULL.';

CREATE TRIGGER person_seal_traits BEFORE INSERT OR UPDATE OF traits ON mhub.person
    FOR EACH ROW WHEN (new.traits <> '{}' AND mhub.has_pii_trait(new.traits)) EXECUTE FUNCTION mhub.seal_traits();
