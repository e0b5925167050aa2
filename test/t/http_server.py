#!/usr/bin/python3
"""A small HTTP server for the delivery tests that can misbehave.

usage: http_server.py LOG [CERTIFICATE KEY]

Prints its port on stdout and serves 127.0.0.1 until its standard input closes.  Appends one JSON line to LOG for each
complete request.  The path says how to answer:
  /status/N[?retry=S][&body=B]  status N, with Retry-After: S and the body B
  /slow/MS       200 after MS milliseconds
  /hang          reads the request and never answers
  /reset         reads the request and resets the connection
  /garbage       answers something that is not HTTP
  /huge          200 and 100 MB
  /flaky/P       500 for P percent of the attempts, by a hash of the message's id and the number of its attempt
  /once/N        status N for the first attempt of each message, 200 for the others
  /redirect      302 to /status/200
  /costs/N?day=D&page=P[&fail=Q][&only=C]  page P of N of an advertising platform's spend on the day: two campaigns a
                 page (or campaign C only); page Q of each day fails the first time
  anything else  200
"""
import asyncio
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import time
import urllib.parse

log = open(sys.argv[1], 'a', buffering=1)
attempts = {}
asked = {}


def answer(status, body=b'{}', headers=''):
    return b'HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n' % (
        status, len(body), headers.encode()) + body


def decide(path, query, key, attempt):
    word, _, argument = path.strip('/').partition('/')
    if word == 'status':
        retry = query.get('retry')
        return answer(int(argument), query.get('body', ['{}'])[0].encode(), 'Retry-After: %s\r\n' % retry[0] if retry else '')
    if word == 'flaky':
        dice = int(hashlib.sha256(('%s %d' % (key, attempt)).encode()).hexdigest()[:8], 16) % 100
        return answer(500 if dice < int(argument) else 200)
    if word == 'once':
        return answer(int(argument) if attempt == 1 else 200)
    if word == 'redirect':
        return answer(302, b'', 'Location: /status/200\r\n')
    if word == 'costs':
        day, page = query['day'][0], int(query['page'][0])
        asked[day, page] = asked.get((day, page), 0) + 1
        if query.get('fail') == [str(page)] and asked[day, page] == 1:
            return answer(500)
        rows = [{'stat_date': day, 'plan': '计划%d' % (2 * page + n), 'spend': '%d.50' % (100 * page + n), 'clk': 10} for n in (0, 1)]
        rows = [row for row in rows if query.get('only', [row['plan']]) == [row['plan']]]
        return answer(200, json.dumps({'code': 0, 'data': {'list': rows, 'more': page < int(argument)}}).encode())
    if word == 'garbage':
        return b'\x00\x01 what?\r\n\r\n'
    return answer(200)


async def read_request(reader):
    head = await reader.readuntil(b'\r\n\r\n')
    lines = head.decode('latin-1').split('\r\n')
    method, target, _ = lines[0].split(' ', 2)
    headers = {}
    for line in lines[1:-2]:
        name, _, value = line.partition(':')
        headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get('content-length', 0)))
    return method, target, headers, body


async def serve(reader, writer):
    try:
        while True:
            method, target, headers, body = await read_request(reader)
            url = urllib.parse.urlsplit(target)
            key = headers.get('webhook-id') or headers.get('idempotency-key') or ''
            attempts[key] = attempt = attempts.get(key, 0) + 1
            log.write(json.dumps({'key': key, 'attempt': attempt, 'method': method, 'target': target, 'headers': headers,
                                  'body': body.decode('utf-8', 'replace'), 'at': time.time()}) + '\n')
            if url.path.startswith('/slow/'):
                await asyncio.sleep(int(url.path.split('/')[2]) / 1000)
            elif url.path == '/hang':
                await asyncio.sleep(3600)
            elif url.path == '/reset':
                raw = writer.get_extra_info('socket')
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                writer.transport.abort()
                return
            elif url.path == '/huge':
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n')
                for _ in range(1600):
                    writer.write(b'x' * 65536)
                    await writer.drain()
                continue
            writer.write(decide(url.path, urllib.parse.parse_qs(url.query), key, attempt))
            await writer.drain()
            if url.path == '/garbage':
                writer.close()
                return
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


async def main():
    context = None
    if len(sys.argv) > 3:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    server = await asyncio.start_server(serve, '127.0.0.1', 0, ssl=context, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
