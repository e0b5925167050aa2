"""A naive model of identity, and random operations that it and the hub carry out side by side.

Usage: identity_model.py seed operations; psql finds the database by the PG* variables. After every operation persons,
identifiers, links, the merge log and conflicts must be what the model says. Prints the operations at the first difference.

Nothing here is clever: persons are sets found by scanning, parts of a split by walking links.
"""
import json
import random
import subprocess
import sys

SEED, OPERATIONS = int(sys.argv[1]), int(sys.argv[2])
RANDOM = random.Random(SEED)
DAY = 24 * 60  # times are minutes since 1970
START = 56 * 365 * DAY
NEVER_FIRST = 10**9

#        priority, max_per_person, period in days, unique, mergeable, pii, normaliser
KINDS = {
    "account": (1, None, None, True, True, False, "exact"),
    "union": (1, None, None, True, True, False, "exact"),
    "single": (2, None, None, False, False, False, "exact"),
    "two": (20, 2, None, False, True, False, "exact"),
    "mail": (35, 3, None, False, True, True, "email"),
    "weekly": (40, 2, 7, False, True, False, "exact"),
    "free": (50, None, None, False, True, False, "exact"),
}


class Hub:
    """Statements go to one psql, answers come back as JSON."""

    def __init__(self):
        self.psql = subprocess.Popen(["psql", "-XAtq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def rows(self, query):
        self.psql.stdin.write(f"SELECT coalesce(json_agg(q), '[]') FROM ({query}) AS q;\n\\echo end\n")
        self.psql.stdin.flush()
        lines = []
        while (line := self.psql.stdout.readline()) not in ("end\n", ""):
            lines.append(line)
        return json.loads("".join(lines)) if lines else None

    def one(self, expression):
        found = self.rows(f"SELECT {expression} AS x")
        return "error" if found is None else found[0]["x"]

    def run(self, statement):
        self.psql.stdin.write(statement + ";\n")


def quoted(value):
    return "'" + value.replace("'", "''") + "'"


def jsonb(value):
    return quoted(json.dumps(value, ensure_ascii=False))


def at_time(minute):
    return f"to_timestamp({minute} * 60)"


def normal(kind, value):
    """What is kept of a value, None for what identifies nobody."""
    value = value.strip(" \u3000")
    if value in ("", "null", "blocked"):
        return None
    return value.lower() if KINDS[kind][6] == "email" else value


class Model:
    def __init__(self):
        self.identifiers = {}  # (kind, value): dict of id, person, first_person, seen
        self.persons = {}  # id: dict of created, into, traits {key: (value, time)}
        self.links = {}  # (id, id): dict of joins, removed, seen (None: not compared)
        self.log = []
        self.conflicts = {}

    def members(self, person):
        return [i for i in self.identifiers.values() if i["person"] == person]

    def by_id(self, wanted):
        return next(i for i in self.identifiers.values() if i["id"] == wanted)

    def resolve(self, person):
        while self.persons[person]["into"] is not None:
            person = self.persons[person]["into"]
        return person

    def family(self, person):
        found = {person}
        while more := {p for p, row in self.persons.items() if row["into"] in found} - found:
            found |= more
        return found

    def merge_traits(self, into, other):
        mine = self.persons[into]["traits"]
        for key, (value, seen) in self.persons[other]["traits"].items():
            if key not in mine or mine[key][1] < seen:
                mine[key] = (value, seen)

    def broken_limit(self, mine, theirs, now):
        broken = []
        for kind, (_, most, period, unique, *_) in KINDS.items():
            most = 1 if unique else most
            if most is None:
                continue
            since = now - period * DAY if period and not unique else -1
            n, m = (sum(i["kind"] == kind and i["seen"] > since for i in side) for side in (mine, theirs))
            if n and m and n + m > most:
                broken.append((not unique, kind))
        return min(broken)[1] if broken else None

    def survivor(self, a, b):
        """The older person, unless the younger has over 16 times its identifiers. Persons not yet stored are strings."""
        stored = sorted(p for p in (a, b) if isinstance(p, int))
        if len(stored) < 2:
            return stored[0] if stored else a
        older, younger = stored
        return younger if len(self.members(younger)) > 16 * len(self.members(older)) else older

    def observe(self, names, traits, now, create, force=False, cause="observation"):
        """create(kind, value) gives the ids that the hub gave a new identifier and its person."""
        accepted = []
        for kind, value in names:
            value = normal(kind, value)
            if value is not None and (kind, value) not in accepted:
                accepted.append((kind, value))
        accepted.sort(key=lambda name: KINDS[name[0]][0] if KINDS[name[0]][4] else NEVER_FIRST)
        if not accepted:
            return None
        fresh = []
        for name in accepted:
            if name not in self.identifiers:
                person = "new " + repr(name)
                self.persons[person] = {"created": now, "into": None, "traits": {}}
                self.identifiers[name] = {"id": create(name)[0], "kind": name[0], "person": person, "seen": now}
                fresh.append(name)
        base = self.identifiers[accepted[0]]
        merged = []
        for name in accepted[1:]:
            self.link(base, self.identifiers[name], now, force, cause, merged)
        for loser in merged:
            self.merge_traits(self.resolve(loser), loser)
        for name in accepted:
            identifier = self.identifiers[name]
            identifier["seen"] = min(identifier["seen"], now)
            person = self.persons[identifier["person"]]
            person["created"] = min(person["created"], now)
        mine = self.persons[base["person"]]["traits"]
        for key, value in traits.items():
            if value is not None and (key not in mine or mine[key][1] <= now):
                mine[key] = (value, now)
        self.store(fresh, create)
        return base["person"]

    def link(self, base, other, now, force, cause, merged):
        ends = tuple(sorted((base["id"], other["id"])))
        known = self.links.get(ends)
        if known and known["removed"] and not force:
            return
        joins = force or (KINDS[base["kind"]][4] and KINDS[other["kind"]][4])
        if joins and base["person"] != other["person"]:
            a, b = base["person"], other["person"]
            kind = None if force else self.broken_limit(self.members(a), self.members(b), now)
            if kind:
                self.conflicts.setdefault((base["id"], other["id"]), kind)
                return
            winner = self.survivor(a, b)
            loser = b if winner == a else a
            for identifier in self.members(loser):
                identifier["person"] = winner
            self.persons[winner]["created"] = min(self.persons[winner]["created"], self.persons[loser]["created"])
            self.persons[loser]["into"] = winner
            merged.append(loser)
            if isinstance(loser, int):
                self.log.append(["merge", winner, loser, *ends, cause])
        if known:
            known["joins"] = known["joins"] or bool(joins)
            known["removed"] = False
            known["seen"] = None if known["seen"] is None or force else min(known["seen"], now)
        else:
            self.links[ends] = {"joins": bool(joins), "removed": False, "seen": None if force else now}

    def store(self, fresh, create):
        """New persons get the ids that the hub gave them; those merged away before they were stored go."""
        for name in fresh:
            identifier = self.identifiers[name]
            if isinstance(identifier["person"], str):
                old, new = identifier["person"], create(name)[1]
                assert new not in self.persons, f"person {new} was there before"
                self.persons[new] = self.persons.pop(old)
                for member in self.members(old):
                    member["person"] = new
            identifier["first_person"] = identifier["person"]
        for person in [p for p in self.persons if isinstance(p, str)]:
            del self.persons[person]

    def parts(self, person):
        rest = sorted(i["id"] for i in self.members(person))
        parts = []
        while rest:
            part, border = {rest[0]}, [rest[0]]
            while border:
                here = border.pop()
                for (a, b), link in self.links.items():
                    for x, y in ((a, b), (b, a)):
                        if link["joins"] and x == here and y in rest and y not in part:
                            part.add(y)
                            border.append(y)
            parts.append(sorted(part))
            rest = [i for i in rest if i not in part]
        return parts

    def split(self, person, named, cause, ends, person_of):
        """What comes apart when links were removed: who keeps the id, who takes an old one back, who is new."""
        parts = self.parts(person)
        if len(parts) == 1:
            return
        everyone = sorted(i for part in parts for i in part)
        keeper = next((i for i in everyone if i not in named), everyone[0])
        family = self.family(person) - {person}
        oldest = {}
        for i in everyone:
            former = self.by_id(i)["first_person"]
            if former in family:
                oldest.setdefault(former, i)
        came_off = []
        for part in parts:
            if keeper in part:
                continue
            old = sorted(former for former, i in oldest.items() if i in part)
            mine = old[0] if old else person_of(part[0])
            self.persons.setdefault(mine, {"traits": {}})["into"] = None
            for i in part:
                identifier = self.by_id(i)
                identifier["person"] = mine
                if identifier["first_person"] not in family:
                    identifier["first_person"] = mine
            came_off.append(mine)
            self.log.append(["split", person, mine, *ends, cause])
        for former, i in oldest.items():
            if former not in came_off:
                self.persons[former]["into"] = self.by_id(i)["person"]
        for mine in came_off:
            for other in self.family(mine) - {mine}:
                self.merge_traits(mine, other)
        for mine in [person, *came_off]:
            self.persons[mine]["created"] = min(i["seen"] for i in self.members(mine))

    def erase(self, person):
        family = self.family(person)
        gone = {i["id"] for i in self.members(person)}
        self.identifiers = {name: i for name, i in self.identifiers.items() if i["id"] not in gone}
        self.links = {ends: link for ends, link in self.links.items() if not gone & set(ends)}
        self.log = [row for row in self.log if not family & {row[1], row[2]} and not gone & set(row[3:5])]
        for p in family:
            self.persons[p]["traits"] = {}

    def state(self):
        """What stored() reads from the tables."""
        alive = {p: row for p, row in self.persons.items() if row["into"] is None and self.members(p)}
        return {
            "identifiers": sorted([i["id"], *name, i["person"], i["first_person"], i["seen"]] for name, i in self.identifiers.items()),
            "persons": sorted([p, row["created"], {k: [v, t] for k, (v, t) in row["traits"].items()}] for p, row in alive.items()),
            "resolved": sorted([p, self.resolve(p)] for p in self.persons),
            "links": sorted([*ends, link["joins"], link["removed"]] for ends, link in self.links.items()),
            "seen": sorted([*ends, link["seen"]] for ends, link in self.links.items() if link["seen"] is not None),
            "log": sorted(self.log, key=str),
            "conflicts": sorted([*pair, kind] for pair, kind in self.conflicts.items()),
        }


def minutes(column):
    return f"(extract(epoch FROM {column}) / 60)::bigint"


def stored(hub, model):
    """The same from the hub. A sealed value must open for its person."""
    timed = {ends for ends, link in model.links.items() if link["seen"] is not None}
    links = [list(r.values()) for r in hub.rows(f"SELECT identifier_a, identifier_b, joins, removed_at IS NOT NULL AS removed, {minutes('first_seen_at')} AS seen FROM mhub.link ORDER BY 1, 2")]
    return {
        "identifiers": [list(r.values()) for r in hub.rows(
            "SELECT identifier_id, kind, CASE WHEN sealed IS NULL THEN value ELSE mhub.decrypt(sealed, 'identifier.sealed', person_id) END AS value,"
            f" person_id, first_person_id, {minutes('first_seen_at')} AS seen FROM mhub.identifier WHERE kind <> 'erased' ORDER BY 1")],
        "persons": [list(r.values()) for r in hub.rows(
            f"SELECT person_id, {minutes('created_at')} AS created, (SELECT coalesce(jsonb_object_agg(key, jsonb_build_array(value,"
            f" {minutes('(trait_times ->> key)::timestamptz')})), '{{}}') FROM jsonb_each(traits)) AS traits FROM mhub.person AS p"
            " WHERE merged_into IS NULL AND EXISTS (SELECT FROM mhub.identifier AS i WHERE i.person_id = p.person_id AND i.kind <> 'erased') ORDER BY 1")],
        "resolved": [list(r.values()) for r in hub.rows(
            "SELECT person_id, mhub.resolve_person(person_id) AS now FROM mhub.person AS p"
            " WHERE NOT EXISTS (SELECT FROM mhub.identifier AS i WHERE i.person_id = p.person_id AND i.kind = 'erased') ORDER BY 1")],
        "links": [link[:4] for link in links],
        "seen": [[*link[:2], link[4]] for link in links if tuple(link[:2]) in timed],
        "log": sorted((list(r.values()) for r in hub.rows("SELECT action, person_id, other_person_id, identifier_a, identifier_b, cause FROM mhub.merge_log")), key=str),
        "conflicts": [list(r.values()) for r in hub.rows("SELECT identifier_id, left_out_identifier_id, kind FROM mhub.identity_conflict ORDER BY 1, 2")],
    }


class Trial:
    """Random operations on the hub and the model."""

    def __init__(self):
        self.hub, self.model, self.now = Hub(), Model(), START
        self.kinds = RANDOM.choice([list(KINDS), ["free", "two", "weekly", "account"], ["free", "account", "mail"], ["free", "single", "two"],
                                    ["free", "free", "free", "two"], ["free", "weekly", "mail", "union"]])
        self.big = self.kinds.count("free") > 1
        self.values = 100 if self.big else RANDOM.choice([4, 6, 9, 14])
        self.hub.run("SET mhub.purpose = 'test'")
        self.hub.run("SET client_min_messages = error")
        for kind, (priority, most, period, unique, mergeable, pii, normaliser) in KINDS.items():
            self.hub.run("INSERT INTO mhub.identifier_kind (kind, priority, max_per_person, period, unique_per_person, mergeable, pii, normaliser) VALUES "
                         f"('{kind}', {priority}, {most or 'NULL'}, {f'make_interval(days => {period})' if period else 'NULL'}, {unique}, {mergeable}, {pii}, '{normaliser}')")
        self.hub.run("INSERT INTO mhub.blocked_value (match, value) VALUES ('regex', '^block')")

    def create(self, name):
        kind, value = name
        row = self.hub.rows(f"SELECT i.identifier_id, i.person_id FROM mhub.identifier AS i WHERE kind = {quoted(kind)} AND value ="
                            f" CASE WHEN {KINDS[kind][5]} THEN encode(mhub.blind_index({quoted(value)}, {quoted(kind)}, 'email'), 'hex') ELSE {quoted(value)} END")[0]
        return row["identifier_id"], row["person_id"]

    def person_of(self, identifier):
        return self.hub.one(f"(SELECT person_id FROM mhub.identifier WHERE identifier_id = {identifier})")

    def name(self):
        kind = RANDOM.choice(self.kinds)
        if RANDOM.random() < 0.03:
            return kind, RANDOM.choice(["", " ", "null", "blocked"])
        value = f"V{RANDOM.randrange(self.values)}" + ("@X.cn" if kind == "mail" else "")
        return kind, value if RANDOM.random() < 0.9 else f" {value}\u3000"

    def known(self):
        kind, value = self.name()
        return kind, value, self.model.identifiers.get((kind, normal(kind, value)))

    def identify(self):
        observed = {}
        for _ in range(RANDOM.choice([1, 2, 20, 30] if self.big else [1, 1, 2, 2, 2, 3, 4, 6])):
            kind, value = self.name()
            observed.setdefault(kind, []).append(value)
        traits = RANDOM.choice([{}, {}, {"city": RANDOM.choice(["上海", "北京", None])}, {"n": RANDOM.randrange(5)}, {"n": 9, "deep": {"a": [1]}}])
        seen = self.now + RANDOM.choice([0, 0, 0, 30, DAY, -DAY, -30, -20 * DAY])
        statement = f"mhub.identify({jsonb(observed)}, {jsonb(traits)}, {at_time(seen)})"
        answer = self.hub.one(statement)
        in_order = [(k, v) for k in sorted(observed, key=lambda k: (len(k), k)) for v in observed[k]]
        return statement, answer, self.model.observe(in_order, traits, seen, self.create)

    def unlink(self):
        (kind_a, value_a, a), (kind_b, value_b, b) = self.known(), self.known()
        if a is None or b is None or a is b:
            return None
        statement = f"mhub.unlink('{kind_a}', '{value_a}', '{kind_b}', '{value_b}')"
        answer = self.hub.one(statement)
        ends = tuple(sorted((a["id"], b["id"])))
        self.model.links.setdefault(ends, {"seen": None}).update(joins=False, removed=True)
        if a["person"] == b["person"]:
            self.model.split(a["person"], set(), "unlink", ends, self.person_of)
        return statement, answer, a["person"] != b["person"]

    def split(self):
        if not self.model.identifiers:
            return None
        person = RANDOM.choice(list(self.model.identifiers.values()))["person"]
        mine = [name for name, i in self.model.identifiers.items() if i["person"] == person]
        chosen = RANDOM.sample(mine, RANDOM.randint(1, min(3, len(mine))))
        observed = {}
        for kind, value in chosen:
            observed.setdefault(kind, []).append(value)
        statement = f"mhub.split_person({RANDOM.choice(sorted(self.model.family(person)))}, {jsonb(observed)})"
        answer = self.hub.one(statement)
        named = {self.model.identifiers[name]["id"] for name in chosen}
        for (a, b), link in self.model.links.items():
            if link["joins"] and (a in named) != (b in named) and self.model.by_id(a)["person"] == self.model.by_id(b)["person"] == person:
                link.update(joins=False, removed=True)
        for other in named - {min(named)}:
            self.model.links.setdefault((min(named), other), {"seen": None}).update(joins=True, removed=False)
        self.model.split(person, named, "split_person", (None, None), self.person_of)
        return statement, answer, self.model.by_id(min(named))["person"]

    def relink(self):
        (kind_a, value_a, a), (kind_b, value_b, b) = self.known(), self.known()
        if a is None or b is None or a is b:
            return None
        statement = f"mhub.relink('{kind_a}', '{value_a}', '{kind_b}', '{value_b}')"
        answer = self.hub.one(statement)
        return statement, answer, self.model.observe([(kind_a, value_a), (kind_b, value_b)], {}, START * 2, self.create, force=True, cause="relink")

    def erase(self):
        if not self.model.identifiers or RANDOM.random() < 0.5:
            return None
        person = RANDOM.choice(list(self.model.identifiers.values()))["person"]
        statement = f"mhub.erase_person({person}, 'test', analyze_tables => false) ->> 'persons'"
        self.hub.one(statement)
        self.model.erase(person)
        left = {tuple(row.values()) for row in self.hub.rows("SELECT identifier_id, left_out_identifier_id FROM mhub.identity_conflict")}
        alive = {i["id"] for i in self.model.identifiers.values()}
        # conflicts in which the person stood on either side go with it, whichever identifiers they name
        self.model.conflicts = {pair: kind for pair, kind in self.model.conflicts.items() if pair in left}
        return statement, left <= {(a, b) for a in alive for b in alive}, True

    def run(self):
        done = []
        while len(done) < OPERATIONS:
            operation = RANDOM.choices([self.identify, self.unlink, self.split, self.relink, self.erase], [66, 12, 10, 8, 4])[0]
            outcome = operation()
            if outcome is None:
                continue
            statement, answer, expected = outcome
            done.append(statement)
            self.now += RANDOM.choice([0, 1, 70, DAY])
            mine, theirs = self.model.state(), stored(self.hub, self.model)
            wrong = [(part, [x for x in theirs[part] if x not in mine[part]], [x for x in mine[part] if x not in theirs[part]]) for part in mine if mine[part] != theirs[part]]
            if answer != expected or wrong:
                print("\n".join(done[-8:]))
                print(f"answer {answer}, expected {expected}")
                for part, hub, model in wrong:
                    print(f"{part}: the hub has {hub}, the model {model}")
                sys.exit(f"seed {SEED} differs at operation {len(done)}")
        print(f"{len(done)} operations, {len(self.model.persons)} persons, {len(self.model.log)} merges and splits, {len(self.model.conflicts)} conflicts")


Trial().run()
