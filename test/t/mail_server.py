#!/usr/bin/python3
"""An SMTP server for the delivery tests.

usage: mail_server.py LOG [CERTIFICATE KEY]

Prints its port on stdout and serves 127.0.0.1 until its standard input closes; with a certificate it offers STARTTLS and
then wants the user "hub" with the password "geheim".  Appends one JSON line to LOG for each message taken.  Recipients
may ask for trouble: bounce@... 550, full@... 452, shy@... 421.
"""
import asyncio
import email
import email.policy
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

log = open(sys.argv[1], 'a', buffering=1)
trouble = {'bounce': '550 no such user', 'full': '452 mailbox full', 'shy': '421 come back later'}


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = trouble.get(address.split('@')[0])
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        log.write(json.dumps({'from': envelope.mail_from, 'to': envelope.rcpt_tos, 'type': message.get_content_type(),
                              'headers': {name.lower(): str(value) for name, value in message.items()}, 'parts': parts,
                              'names': [name.lower() for name in message.keys()],
                              'head': envelope.original_content.partition(b'\r\n\r\n')[0].decode('ascii', 'replace'),
                              'tls': session.ssl is not None, 'user': bool(session.authenticated)}) + '\n')
        return '250 OK'


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b'hub', b'geheim'), handled=False)


def session():
    if len(sys.argv) <= 3:
        return SMTP(Handler())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
    return SMTP(Handler(), tls_context=context, require_starttls=True, auth_required=True, authenticator=authenticate)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, '127.0.0.1', 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
