"""What a recording of one guild is written with: its people, and a line for whatever they do. It knows no story."""

import json
import random

# In the order of their numbers.
REGULARS = """ada brin casey dmitri eline farid greta hugo ines jonas kalle lucia marek noor olu priya quentin rosa sven
tuyet uma viktor wanda xiao yusuf zofia eun petra nils mira hr_lena chain_recruit""".split()
STAFF = {"helga": "$owner", "marta": "$moderator"}
def person(name):
    if name in STAFF:
        return STAFF[name]
    return f"$person:{REGULARS.index(name)}" if name in REGULARS else f"$new:{name}"


def mention(name):
    return f"<@{{{person(name)}}}>"


def user(name):
    return {"id": person(name), "username": name}


class Day:
    """The lines, and who cannot write at which time."""

    def __init__(self):
        self.lines, self.scene, self.silent, self.files = [], "", {}, 0
        self.random = random.Random(20)

    def speaks(self, at, name):
        begin, end = self.silent.get(name, (0, 0))
        return not begin <= at < end

    def line(self, at, **fields):
        assert 0 <= at < 780, at
        self.lines.append({"at_ms": round(at * 1000), "guild": 0, **fields})

    def event(self, at, name, **data):
        self.line(at, t=name, d=data)

    def say(self, at, name, channel, text="", label=None, **parts):
        assert not text.startswith("$") and "{$" not in text.replace("{$person", "").replace("{$new", ""), text
        message = {"channel_id": f"$channel:{channel}", "author": user(name), "content": text, **parts}
        if label:
            message["id"] = f"$message:{label}"
        if "reply_to" in parts:
            message["reply_to"] = f"$message:{parts['reply_to']}"
        self.event(at, "MESSAGE_CREATE", **message)

    def talk(self, at, gap, channel, text):
        """Several lines `name: text`, so many seconds apart."""
        for number, line in enumerate(text.strip().splitlines()):
            name, said = line.strip().split(": ", 1)
            label, separator, rest = said.partition(" == ")
            self.say(at + number * gap, name, channel, rest if separator else said, label if separator else None)

    def joins(self, at, name):
        self.event(at, "GUILD_MEMBER_ADD", user=user(name))

    def leaves(self, at, name):
        self.event(at, "GUILD_MEMBER_REMOVE", user={"id": person(name)})

    def audit(self, at, action, by, target, **rest):
        self.event(
            at, "GUILD_AUDIT_LOG_ENTRY_CREATE", action_type=action, user_id=person(by), target_id=person(target), **rest
        )

    def command(self, at, name, channel, command, **options):
        """Options are written `kind_name=value`: `role_moderator_role`."""
        kinds = {"subcommand": 1, "text": 3, "number": 4, "boolean": 5, "user": 6, "channel": 7, "role": 8}
        written = []
        for option, value in options.items():
            kind, option = option.split("_", 1)
            written.append({"type": kinds[kind], "name": option.replace("_", "-"), "value": value})
            if kind == "subcommand":
                written[-1] = {"type": 1, "name": option, "options": []}
        data = {"name": command, "type": 1, "options": written}
        self.event(at, "INTERACTION_CREATE", user=person(name), channel_id=f"$channel:{channel}", type=2, data=data)

    def on_message(self, at, name, command, label):
        data = {"name": command, "type": 3, "target_id": f"$message:{label}"}
        self.event(at, "INTERACTION_CREATE", user=person(name), type=2, data=data)

    def on_user(self, at, name, command, target):
        data = {"name": command, "type": 2, "target_id": person(target)}
        self.event(at, "INTERACTION_CREATE", user=person(name), channel_id="$channel:mod-log", type=2, data=data)

    def press(self, at, name, label, about=None):
        about = {"about": f"{{{person(about)}}}"} if about else {}
        self.event(at, "INTERACTION_CREATE", user=person(name), type=3, press=label, **about)

    def types(self, at, name, channel):
        where = {"channel_id": f"$channel:{channel}", "user_id": person(name)}
        self.event(at, "TYPING_START", **where, timestamp=1_700_000_000)

    def react(self, at, name, label, emoji, taken_back=False):
        event = "MESSAGE_REACTION_REMOVE" if taken_back else "MESSAGE_REACTION_ADD"
        self.event(
            at, event, user_id=person(name), message_id=f"$message:{label}", emoji={"id": None, "name": emoji}
        )

    def pictures(self, *sizes):
        """New uploads; their names and sizes stay the same."""
        attachments = []
        for number, size in enumerate(sizes):
            self.files += 1
            identity, name = str(1_200_000_000_000_000_000 + self.files), f"{number + 1}.png"
            url = f"https://cdn.discordapp.com/attachments/0/{identity}/{name}"
            file = {"id": identity, "filename": name, "size": size, "content_type": "image/png"}
            attachments.append({**file, "url": url, "proxy_url": url})
        return attachments

    def expect(self, at, route, *text, **about):
        """`times=0`: it must never be so."""
        if text:
            about["text"] = list(text)
        self.line(at, expect=route, **about, scene=self.scene)

    def write(self, path):
        lines = sorted(self.lines, key=lambda line: line["at_ms"])
        text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
        path.write_text(text, encoding="utf-8")
