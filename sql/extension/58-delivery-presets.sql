-- Ready settings for well-known gateways: mhub.create_provider() needs their parameters and secrets only.

CREATE FUNCTION mhub.provider_preset(OUT preset text, OUT channel text, OUT kind text, OUT url text, OUT headers jsonb, OUT body text,
    OUT body_format text, OUT signer text, OUT success_path jsonpath, OUT retry_path jsonpath, OUT fault_path jsonpath, OUT message_id_path jsonpath,
    OUT settings jsonb, OUT parameters text[], OUT secrets text[])
RETURNS SETOF record LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT v.preset, v.channel, v.kind, v.url, v.headers::jsonb, v.body, v.body_format, v.signer, v.success_path::jsonpath, v.retry_path::jsonpath, v.fault_path::jsonpath,
           v.message_id_path::jsonpath, v.settings::jsonb, v.parameters::text[], v.secrets::text[]
    FROM (VALUES
        ('twilio', 'sms', 'http', 'https://api.twilio.com/2010-04-01/Accounts/{{provider.account_sid}}/Messages.json', '{}',
         'To={{to}}&From={{provider.from}}&Body={{text}}', 'form', 'basic', NULL, NULL, NULL, '$.sid', '{}', '{account_sid,from}', '{user,password}'),
        ('aliyun_sms', 'sms', 'http', 'https://dysmsapi.aliyuncs.com/?PhoneNumbers={{to}}&SignName={{provider.sign_name}}&TemplateCode={{code}}&TemplateParam={{parameters}}', '{"Accept": "application/json"}',
         NULL, 'json', 'aliyun', '$.Code == "OK"',
         '$.Code like_regex "^(isv[.](BUSINESS|DAY|MONTH)_LIMIT_CONTROL|isp[.]SYSTEM_ERROR|Throttling|ServiceUnavailable|InternalError|SignatureNonceUsed)"',
         '$.Code like_regex "^(SignatureDoesNotMatch|IncompleteSignature|InvalidAccessKey|InvalidTimeStamp|Forbidden|isp[.]RAM_PERMISSION_DENY|isv[.](OUT_OF_SERVICE|AMOUNT_NOT_ENOUGH|ACCOUNT_|PRODUCT_UN|DENY_IP_RANGE|SMS_SIGNATURE_|SMS_SIGN_|SIGN_STATE_))"',
         '$.BizId', '{"action": "SendSms", "version": "2017-05-25"}', '{sign_name}', '{access_key_id,access_key_secret}'),
        ('tencent_sms', 'sms', 'http', 'https://sms.tencentcloudapi.com/',
         '{"X-TC-Action": "SendSms", "X-TC-Version": "2021-01-11", "X-TC-Region": "{{provider.region|ap-guangzhou}}"}',
         '{"PhoneNumberSet":["{{to}}"],"SmsSdkAppId":"{{provider.sdk_app_id}}","SignName":"{{provider.sign_name}}","TemplateId":"{{code}}","TemplateParamSet":{{{parameters|[]}}}}',
         'json', 'tencent', '$.Response.SendStatusSet[0].Code == "Ok"',
         '$.Response.Error.Code like_regex "^(InternalError|RequestLimitExceeded|LimitExceeded)" || $.Response.SendStatusSet[0].Code like_regex "^(InternalError|RequestLimitExceeded|LimitExceeded)"',
         '$.Response.Error.Code like_regex "^(AuthFailure|Unauthorized|Ip|NoSuch|FailedOperation[.](InsufficientBalance|SignatureIncorrect)|InvalidParameterValue[.]SdkAppId)" || $.Response.SendStatusSet[0].Code like_regex "^(Unauthorized|FailedOperation[.](InsufficientBalance|SignatureIncorrect)|InvalidParameterValue[.]SdkAppId)"',
         '$.Response.SendStatusSet[0].SerialNo', '{"service": "sms"}', '{sdk_app_id,sign_name}', '{secret_id,secret_key}'),
        ('sendgrid', 'email', 'http', 'https://api.sendgrid.com/v3/mail/send', '{}',
         '{"personalizations":[{"to":[{"email":"{{to}}"}]}],"from":{"email":"{{provider.from}}","name":"{{provider.from_name}}"},"subject":"{{subject}}","content":[{{#text}}{"type":"text/plain","value":"{{text}}"}{{#html}},{{/html}}{{/text}}{{#html}}{"type":"text/html","value":"{{html}}"}{{/html}}],{{#unsubscribe_url}}"headers":{"List-Unsubscribe":"<{{unsubscribe_url}}>","List-Unsubscribe-Post":"List-Unsubscribe=One-Click"},{{/unsubscribe_url}}"custom_args":{"message_id":"{{message_id}}"}}',
         'json', 'bearer', NULL, NULL, NULL, NULL, '{}', '{from,from_name}', '{token}'),
        ('mailgun', 'email', 'http', 'https://{{provider.host|api.mailgun.net}}/v3/{{provider.domain}}/messages', '{}',
         'from={{provider.from}}&to={{to}}&subject={{subject}}{{#text}}&text={{text}}{{/text}}{{#html}}&html={{html}}{{/html}}{{#unsubscribe_url}}&h%3AList-Unsubscribe=%3C{{unsubscribe_url}}%3E&h%3AList-Unsubscribe-Post=List-Unsubscribe%3DOne-Click{{/unsubscribe_url}}&v%3Amessage_id={{message_id}}',
         'form', 'basic', NULL, NULL, NULL, '$.id', '{}', '{domain,from}', '{user,password}'),
        ('ses_smtp', 'email', 'smtp', 'smtps://email-smtp.{{provider.region}}.amazonaws.com:465', '{}', NULL, 'text', 'none', NULL, NULL, NULL, NULL, '{}', '{region,from}', '{user,password}'),
        ('wecom_robot', 'wecom', 'http', 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={{secret.key}}', '{}',
         '{"msgtype":"text","text":{"content":"{{text}}"}}', 'json', 'none', '$.errcode == 0', '$.errcode == 45009 || $.errcode == -1', '$.errcode == 93000 || $.errcode == 40001', NULL, '{}', '{}', '{key}'),
        ('dingtalk_robot', 'dingtalk', 'http', 'https://oapi.dingtalk.com/robot/send?access_token={{secret.access_token}}{{#sign}}&timestamp={{timestamp}}&sign={{sign}}{{/sign}}', '{}',
         '{"msgtype":"text","text":{"content":"{{text}}"}}', 'json', 'dingtalk', '$.errcode == 0', '$.errcode == 130101 || $.errcode == -1',
         '$.errcode == 300001 || $.errcode == 310000 && $.errmsg like_regex "sign|timestamp|whitelist" flag "i"', NULL, '{}', '{}', '{access_token}'),
        ('feishu_robot', 'feishu', 'http', 'https://open.feishu.cn/open-apis/bot/v2/hook/{{secret.hook}}', '{}',
         '{ {{#sign}}"timestamp":"{{timestamp}}","sign":"{{sign}}",{{/sign}}"msg_type":"text","content":{"text":"{{text}}"} }', 'json', 'feishu',
         '$.code == 0 || $.StatusCode == 0', '$.code == 11232 || $.code == 9499 && $.msg like_regex "many"', '$.code == 19001 || $.code == 19021 || $.code == 19022', NULL, '{}', '{}', '{hook}'),
        ('http', NULL, 'http', '{{&provider.url}}', '{}',
         '{"message_id":"{{message_id}}","to":"{{to}}","subject":"{{subject}}","text":"{{text}}","html":"{{html}}","data":{{{data|null}}}}',
         'json', 'none', NULL, NULL, NULL, NULL, '{}', '{url}', '{}'),
        ('smtp', 'email', 'smtp', '{{&provider.url}}', '{}', NULL, 'text', 'none', NULL, NULL, NULL, NULL, '{}', '{url,from}', '{}'),
        ('webhook', 'webhook', 'webhook', '{{&provider.url}}', '{}', NULL, 'json', 'none', NULL, NULL, NULL, NULL, '{}', '{url}', '{signing_key}'),
        ('log', NULL, 'log', '', '{}', NULL, 'json', 'none', NULL, NULL, NULL, NULL, '{}', '{}', '{}')
    ) AS v (preset, channel, kind, url, headers, body, body_format, signer, success_path, retry_path, fault_path, message_id_path, settings, parameters, secrets)
$$;
COMMENT ON FUNCTION mhub.provider_preset() IS
'The shipped presets of mhub.create_provider(): twilio, aliyun_sms, tencent_sms (SMS); sendgrid, mailgun, ses_smtp, smtp (e-mail); wecom_robot, dingtalk_robot, feishu_robot (group robots; the last two sign if secret sign_key is set); webhook, http (any API), log (sends nothing). channel NULL: say which. settings are fixed parameters; parameters and secrets are those you must supply. Made from the gateways'' public API references.';

CREATE FUNCTION mhub.create_provider(name text, preset text, parameters jsonb DEFAULT '{}', secrets jsonb DEFAULT '{}', channel text DEFAULT NULL, priority integer DEFAULT 100) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    chosen record;
    missing text;
BEGIN
    SELECT * INTO chosen FROM mhub.provider_preset() AS p WHERE p.preset = create_provider.preset;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no provider preset "%"', preset
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Presets are ' || (SELECT string_agg(p.preset, ', ') FROM mhub.provider_preset() AS p) || '.';
    END IF;
    SELECT string_agg(wanted.name, ', ') INTO missing
    FROM (SELECT 'parameter ' || p AS name FROM unnest(chosen.parameters) AS p WHERE NOT coalesce(create_provider.parameters, '{}') ? p
          UNION ALL SELECT 'secret ' || s FROM unnest(chosen.secrets) AS s WHERE NOT coalesce(create_provider.secrets, '{}') ? s
          UNION ALL SELECT 'channel' WHERE coalesce(create_provider.channel, chosen.channel) IS NULL) AS wanted;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'provider preset "%" lacks %', preset, missing USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO mhub.provider (name, channel, kind, priority, url, headers, body, body_format, signer, success_path, retry_path, fault_path, message_id_path, parameters)
    VALUES (create_provider.name, coalesce(create_provider.channel, chosen.channel), chosen.kind, create_provider.priority, chosen.url, chosen.headers,
            chosen.body, chosen.body_format, chosen.signer, chosen.success_path, chosen.retry_path, chosen.fault_path, chosen.message_id_path,
            chosen.settings || coalesce(create_provider.parameters, '{}'));
    PERFORM mhub.set_provider_secret(create_provider.name, s.key, s.value) FROM jsonb_each_text(coalesce(create_provider.secrets, '{}')) AS s;
    RETURN create_provider.name;
END
$$;
COMMENT ON FUNCTION mhub.create_provider(text, text, jsonb, jsonb, text, integer) IS
'Makes a provider from a preset of mhub.provider_preset(): name, preset, parameters (object, no secrets), secrets (object of texts, stored sealed), channel (by default the preset''s), priority. Returns the name. The row of mhub.provider can be changed afterwards like any other. Errors: invalid_parameter_value for an unknown preset or something missing, unique_violation when the name is taken, MH001 for secrets without a key file.';
