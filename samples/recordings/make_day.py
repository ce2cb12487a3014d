#!/usr/bin/env python3
"""Makes day-in-the-life.jsonl: the same file every time. ../README.md describes its lines.

One large community goes through a day that is pressed into 13 minutes; the demonstration plays it 20 times as fast. Whatever
must come of an event is expected right below it; at the end stands what must not have happened to anybody."""

import json
import random
from pathlib import Path

HERE = Path(__file__).parent
# What regulars say to each other, written for the spam guard's samples.
TALK = HERE.parent / "spam" / "labelled.jsonl"

# In the order of their numbers.
REGULARS = """ada brin casey dmitri eline farid greta hugo ines jonas kalle lucia marek noor olu priya quentin rosa sven tuyet
uma viktor wanda xiao yusuf zofia eun petra nils mira hr_lena chain_recruit""".split()
STAFF = {"helga": "$owner", "marta": "$moderator"}
# The simulation has fewer channels than the samples.
CHANNELS = {
    "gaming": "off-topic",
    "rust-help": "help",
    "web-help": "help",
    "showcase": "memes",
    "jobs": "links",
    "announcements": "general",
}
CHAT = ["general", "general", "general", "help", "off-topic", "memes", "links", "introductions"]
# Seconds of the recording.
OPENS, CLOSES = 34, 752


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
            attachments.append(
                {"id": identity, "filename": name, "size": size, "url": url, "proxy_url": url, "content_type": "image/png"}
            )
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


def set_up(day):
    day.scene = "the owner sets everything up by commands"
    day.say(0.5, "helga", "general", "good morning! the moderation bot is new, I set it up now")
    day.say(1, "marta", "general", "morning, about time")
    day.command(
        4,
        "helga",
        "mod-log",
        "setup",
        role_moderator_role="$role:moderator",
        channel_mod_log="$channel:mod-log",
        channel_deletion_log="$channel:deletion-log",
        role_restricted_role="$role:restricted",
        number_quorum=3,
    )
    day.expect(4, "interaction-callback", "**Set up**", "✓ Deletion log", user="$owner")
    day.command(10, "helga", "mod-log", "check-requirements")
    day.expect(10, "interaction-callback", "**All that moderation needs is there.**", user="$owner")
    day.command(14, "ada", "general", "honeypot-setup", channel_channel="$channel:honeypot")
    day.expect(14, "interaction-callback", "Only administrators", user=person("ada"))
    day.command(16, "helga", "general", "honeypot-setup", channel_channel="$channel:honeypot")
    day.expect(16, "interaction-callback", "is a honeypot now", user="$owner")
    day.expect(16, "send-message", "Do not write here", channel="$channel:honeypot")
    day.command(
        18,
        "helga",
        "help",
        "tickets-channel",
        role_role="$role:moderator",
        text_button_text="Talk to the moderators",
        channel_channel="$channel:tickets",
    )
    day.expect(18, "send-message", "Talk to the moderators", channel="$channel:help")
    day.command(20, "helga", "best-of", "setup-reactji-channel", text_emoji="⭐", number_threshold=3)
    day.expect(20, "interaction-callback", "3 people react to with ⭐", user="$owner")
    day.expect(20, "interaction-callback", "✗", user="$owner", times=0)
    for at, name in [(24, "petra"), (25, "nils")]:
        role = {"id": "$role:moderator", "name": "moderator"}
        day.event(at, "GUILD_MEMBER_UPDATE", user=user(name), roles=["$role:moderator"])
        day.audit(at, 25, "helga", name, changes=[{"key": "$add", "new_value": [role]}])
    day.say(27, "helga", "general", f"and please welcome {mention('petra')} and {mention('nils')}, who moderate from today on")


def small_talk(day):
    """Regulars as in the samples, with quarrels, pasted code, links and pings that are all well meant."""
    rows = [json.loads(line) for line in TALK.read_text(encoding="utf-8").splitlines()]
    last, linked = rows[-1]["at_ms"], set()
    for row in rows:
        if row["spam"] or not row["regular"]:
            continue
        # An advertisement that was repeated after an hour would come again after seconds.
        if "https://" in row["content"] and (row["author"], row["content"]) in linked:
            continue
        linked.add((row["author"], row["content"]))
        text, mentions = row["content"], []
        for name in row["mentions"]:
            text = text.replace(f"@{name}", mention(name))
            mentions.append(user(name))
        parts = {"mentions": mentions} if mentions else {}
        if row["everyone"]:
            parts["mention_everyone"] = True
        if row["embeds"]:
            parts["embeds"] = [{"type": "rich", **embed} for embed in row["embeds"]]
        if row["attachments"]:
            uploads = day.pictures(*(file["size"] for file in row["attachments"]))
            parts["attachments"] = [{**upload, **file} for upload, file in zip(uploads, row["attachments"])]
        at = OPENS + (CLOSES - OPENS) * row["at_ms"] / last
        if day.speaks(at, row["author"]):
            day.say(at, row["author"], CHANNELS.get(row["channel"], row["channel"]), text, **parts)


def chatter(day, count):
    """What is said in between."""
    subjects = """the new release|my build|that recipe|the async runtime|this macro|the tutorial|our wiki page|the weather|the
match yesterday|the lifetime error|my keyboard|the benchmark|the train|that talk|the printer|my cat|the coffee machine|the borrow
checker|our game night|the changelog""".replace("\n", " ").split("|")
    predicates = """works fine for me|is harder than it looks|broke again|made my day|got much faster|reminds me of last year|needs
another review|is on my list|was fun|still fails here|could use an example|surprised me|is not what I expected|gets better every
week|kept me up all night|is worth a look""".replace("\n", " ").split("|")
    tails = ["", "", "", "", ", any ideas?", ", thanks", " :)", ", see you tomorrow", ", what do you think?", " again"]
    answers = ["same here", "nice", "oh no", "how so?", "tell me more", "thanks!", "I had that too", "ha", "agreed", "good luck"]
    latest = {}
    for number, at in enumerate(sorted(day.random.uniform(OPENS, CLOSES) for _ in range(count))):
        name, channel = day.random.choice(REGULARS[:30]), day.random.choice(CHAT)
        label, parts = f"chat-{number}", {}
        if channel in latest and day.random.random() < 0.25:
            text, parts["reply_to"] = day.random.choice(answers), latest[channel]
        else:
            text = day.random.choice(subjects) + " " + day.random.choice(predicates) + day.random.choice(tails)
        if not day.speaks(at, name):
            continue
        latest[channel] = label
        day.say(at, name, channel, text, label, **parts)
        if number % 9 == 0:
            day.event(at - 1, "TYPING_START", channel_id=f"$channel:{channel}", user_id=person(name), timestamp=1_700_000_000)
        if number % 4 == 0:
            other, emoji = day.random.choice(REGULARS[:30]), day.random.choice(["👍", "😂", "❤️", "🎉"])
            if day.speaks(at + 9, other):
                day.react(at + day.random.uniform(2, 9), other, label, emoji)


def newcomers(day):
    """People who are new and mean well, and others who do what spammers do for good reasons."""
    day.scene = "newcomers and regulars who mean well are left alone"
    for at, name, hello, answer in [
        (45, "lin", "hi, I am Lin. I learn Rust since two weeks and came for help", "welcome Lin! #help is the place"),
        (120, "tomas", "hello, a friend sent me here, I made the account for this", "welcome tomas"),
        (205, "mia", "hi everyone! I'm Mia, I like climbing and bad puns", "welcome Mia, the puns go to off-topic"),
        (330, "oskar", "good evening from Tromsø, here for the game nights", "welcome!"),
        (455, "bea", "new here :) which channel is for showing what one builds?", "memes, strangely"),
        (585, "cem", "hello", "hello cem"),
    ]:
        day.joins(at, name)
        day.say(at + 6, name, "introductions", hello)
        day.say(at + 13, "greta", "introductions", answer)
    code = "```rust\nfn longest(a: &str, b: &str) -> &str {\n    if a.len() > b.len() { a } else { b }\n}\n```"
    day.say(70, "lin", "help", f"why does this not compile?\n{code}", "code")
    day.say(78, "lin", "help", f"why does this not compile?\n{code}")
    answer = "it cannot know whose lifetime the result has:\n```rust\nfn longest<'a>(a: &'a str, b: &'a str) -> &'a str\n```"
    day.say(92, "dmitri", "help", answer, reply_to="code")
    day.say(100, "lin", "help", "oh! it works now, thank you")
    # A regular pastes the same log where two people have asked for it.
    log = "```\nerror[E0277]: `Rc<RefCell<Node>>` cannot be sent between threads safely\n```"
    day.say(150, "noor", "help", log)
    day.say(156, "noor", "off-topic", log)
    # The owner may call everybody, and a webhook may say the same wherever it is told to.
    for number, channel in enumerate(["general", "off-topic", "memes"]):
        text = "@everyone the free gift exchange is open again, claim your place in the thread until friday"
        day.say(160 + number, "helga", channel, text, mention_everyone=True)
        release = {"webhook_id": "1190000000000000003", "author": {"id": "1190000000000000003", "username": "releases"}}
        day.say(165 + number, "releases", channel, "Release 2.1 is out: https://releases.example/2.1", **release)
    day.event(128, "TYPING_START", channel_id="$channel:introductions", user_id=person("tomas"), timestamp=1_700_000_000)


def raid(day):
    day.scene = "a raid: four accounts, deleted and timed out within seconds"
    text = "Free Nitro for everybody! Claim your gift: https://discord-nitro-gift.example/claim"
    raiders = [f"raider{number}" for number in range(1, 5)]
    for number, name in enumerate(raiders):
        at = 212 + number * 0.8
        day.joins(at, name)
        for copy, channel in enumerate(["general", "memes", "links"]):
            label = f"{name}-{copy}"
            day.say(at + 5 + copy * 0.9, name, channel, text, label)
            day.expect(at + 5, "delete-message", message=f"$message:{label}")
        day.expect(at + 6, "edit-member", user=person(name))
        day.expect(at + 6, "create-thread", f"{name} (", channel="$channel:mod-log")
        day.expect(at + 6, "send-message", f"of {mention(name)}", "Free Nitro", channel="$channel:mod-log", times=3)
    day.talk(
        219,
        1.5,
        "general",
        """
        greta: uh oh
        olu: what was that
        eun: gone before I could read it
        marta: a raid, it is taken care of. do not click on anything
        """,
    )

    day.scene = "moderators ban raiders by a button, and one who has left"
    day.press(236, "marta", "Ban", "raider1")
    day.expect(236, "ban", "by a button of the mod-log", user=person("raider1"))
    day.expect(236, "send-message", f"**marta** ({mention('marta')}) banned {mention('raider1')}")
    day.press(238, "petra", "Ban", "raider1")
    day.expect(238, "interaction-callback", "**marta**", user=person("petra"))
    day.leaves(240, "raider2")
    day.on_user(244, "marta", "Force ban", "raider2")
    day.expect(244, "ban", "force ban by marta", user=person("raider2"))
    day.expect(244, "send-message", "Force banned by marta")


def scam_wave(day):
    day.scene = "a wave of scam pictures, from a stolen and a new account"
    sizes = (184_220, 201_733, 176_041, 190_862)
    for number, channel in enumerate(["general", "help", "off-topic", "memes", "links"]):
        label = f"stolen-{number}"
        day.say(305 + number * 1.2, "viktor", channel, "", label, attachments=day.pictures(*sizes))
        day.expect(306, "delete-message", message=f"$message:{label}")
    day.silent["viktor"] = (300, 575)
    day.expect(306, "edit-member", "file_wave", user=person("viktor"))
    day.expect(306, "send-message", mention("viktor"), "timed out for 20 h")
    day.joins(316, "crypta")
    for number, channel in enumerate(["general", "memes", "off-topic"]):
        label = f"crypta-{number}"
        day.say(320 + number * 1.2, "crypta", channel, "", label, attachments=day.pictures(*sizes))
        day.expect(321, "delete-message", message=f"$message:{label}")
    day.expect(321, "edit-member", "file_wave", user=person("crypta"))
    day.talk(
        326,
        2,
        "general",
        """
        tuyet: that was not viktor, was it
        lucia: his account must be stolen
        nils: we know. viktor, if you read this: change your password
        """,
    )
    day.scene = "what moderators do by hand is written down"
    day.say(568, "marta", "general", "viktor wrote to me, he has his account back")
    day.event(570, "GUILD_MEMBER_UPDATE", user=user("viktor"), roles=[], communication_disabled_until=None)
    change = {"key": "communication_disabled_until", "old_value": "$in:72000"}
    day.audit(570.2, 24, "marta", "viktor", changes=[change], reason="account is his own again")
    day.expect(570, "send-message", f"**Timeout lifted** by {mention('marta')}", "account is his own again")
    day.say(580, "viktor", "general", "sorry everybody, I fell for a fake login page")


def argument(day):
    day.scene = "a heated argument: reported, tracked, voted upon"
    day.talk(
        386,
        2.2,
        "off-topic",
        """
        hugo: tabs are for people who do not care about others
        sven: that is the dumbest thing I read today
        hugo: then you have not read your own code
        sven: sven-1 == shut up, nobody asked you
        hugo: everybody did, in the review
        sven: sven-2 == you are a pathetic little clown and everybody here laughs about you
        olu: sven, that is too much
        sven: sven-3 == get lost, all of you, before I forget myself
        rosa: I report that
        hugo: I am out
        """,
    )
    day.silent["sven"] = (384, 780)
    day.silent["hugo"] = (384, 430)
    day.on_message(404, "olu", "Report", "sven-2")
    day.expect(404, "interaction-callback", "Thank you", user=person("olu"))
    day.on_message(406, "rosa", "Report", "sven-2")
    day.on_message(408, "rosa", "Report", "sven-2")
    day.expect(408, "interaction-callback", "already", user=person("rosa"))
    day.expect(404, "send-message", mention("sven"), "reported anonymously", "pathetic little clown")
    day.expect(406, "send-message", "Reported again anonymously")
    day.on_message(412, "marta", "Track", "sven-3")
    day.expect(412, "send-message", mention("sven"), "tracked by **marta**", "before I forget myself")
    day.press(418, "marta", "Delete message")
    day.expect(418, "delete-message", message="$message:sven-3")
    day.expect(418, "send-message", "deleted the tracked message")
    day.press(424, "marta", "Escalate", "sven")
    day.expect(424, "send-message", f"**Escalation**: what is to be done with {mention('sven')}")
    day.press(430, "marta", "Timeout overnight", "sven")
    day.press(433, "nils", "Timeout overnight", "sven")
    day.press(435, "petra", "No action (abstain)", "sven")
    day.press(438, "helga", "Timeout overnight", "sven")
    day.expect(438, "interaction-callback", "**Confirmed: Timeout overnight**", user="$owner")
    day.press(442, "nils", "Expedite", "sven")
    day.expect(442, "edit-member", "vote of the staff (Timeout overnight 3, No action 1)", user=person("sven"))
    day.expect(442, "send-message", "resolved by a vote", mention("sven"))
    day.say(448, "marta", "off-topic", "sven takes a break until tomorrow. hugo, you were no help either. carry on, please")


def stars(day):
    day.scene = "a message with three stars goes to the best of the day"
    day.say(480, "uma", "memes", "my cat has merged my branch", "star-1", attachments=day.pictures(88_213))
    day.say(483, "zofia", "memes", "my printer speaks in tongues", "star-2")
    day.react(488, "wanda", "star-1", "⭐")
    day.react(489, "wanda", "star-1", "⭐", taken_back=True)
    day.react(491, "noor", "star-1", "⭐")
    day.react(492, "noor", "star-2", "⭐")
    day.react(493, "wanda", "star-1", "⭐")
    day.react(494, "wanda", "star-2", "⭐")
    day.react(495, "farid", "star-1", "❤️")
    day.react(497, "eline", "star-1", "⭐")
    day.react(499, "farid", "star-1", "⭐")
    channel = {"channel": "$channel:best-of"}
    day.expect(497, "send-message", "{$message:star-1}", **channel)
    day.expect(497, "send-message", "⭐ by ", mention("noor"), mention("wanda"), mention("eline"), **channel)
    day.expect(497, "send-message", "{$message:star-2}", **channel, times=0)


def ticket(day):
    day.scene = "a ticket is opened, answered and closed"
    concern = "Somebody writes me private messages about a job and says that they know you. Is that true? What should I do?"
    day.press(510, "priya", "Talk to the moderators")
    day.event(516, "INTERACTION_CREATE", user=person("priya"), type=5, fill={"concern": concern})
    day.expect(516, "create-thread", "Ticket 1: priya", channel="$channel:tickets")
    thread = {"channel": "$channel:Ticket 1: priya"}
    day.expect(516, "send-message", f"**Ticket 1** of {mention('priya')}", "<@&{$role:moderator}>", **thread)
    day.expect(516, "add-thread-member")
    day.talk(
        524,
        5,
        "Ticket 1: priya",
        """
        nils: hi, no, that is nobody of us. can you give me their name?
        priya: it is grifter, with a lower-case g
        nils: thank you, block them. we take care of it
        priya: that was quick, thanks!
        """,
    )
    day.press(548, "priya", "Close 👍")
    day.expect(548, "remove-thread-member")
    day.expect(
        548, "send-message", "**Ticket 1** of", f"closed by {mention('priya')}", "👍", "that was quick", channel="$channel:mod-log"
    )

    day.scene = "what moderators do by hand is written down"
    day.joins(497, "grifter")
    day.say(502, "grifter", "links", "looking for developers, write me")
    day.event(556, "GUILD_BAN_ADD", user=user("grifter"))
    day.leaves(556.1, "grifter")
    day.audit(556.3, 22, "nils", "grifter", reason="job scam by private message")
    day.expect(556, "send-message", f"**Banned** by {mention('nils')}", "job scam by private message")


def honeypot(day):
    day.scene = "a bot writes in the honeypot and is softbanned"
    day.joins(610, "promo_bot")
    day.say(615, "promo_bot", "general", "hello friends")
    day.say(617, "promo_bot", "honeypot", "hello friends, best prices in my profile")
    day.expect(617, "ban", "wrote in a honeypot channel", user=person("promo_bot"))
    day.expect(617, "unban", user=person("promo_bot"))
    day.expect(617, "send-message", mention("promo_bot"), "Wrote in the honeypot", "softbanned")
    day.say(621, "marta", "honeypot", "staff may write here, so I do")


def automod(day):
    day.scene = "Discord's automod blocks a message"
    blocked = {
        "rule_id": "1190000000000000001",
        "rule_trigger_type": 1,
        "user_id": person("yusuf"),
        "channel_id": "$channel:off-topic",
        "content": "you absolute muppetface",
        "matched_keyword": "muppetface",
        "matched_content": "muppetface",
    }
    name = "AUTO_MODERATION_ACTION_EXECUTION"
    day.event(640, name, action={"type": 1, "metadata": {"custom_message": "Please stay friendly."}}, **blocked)
    day.event(640.1, name, action={"type": 2, "metadata": {"channel_id": "$channel:mod-log"}}, **blocked)
    options = {
        "auto_moderation_rule_name": "Insults",
        "auto_moderation_rule_trigger_type": "1",
        "channel_id": "$channel:off-topic",
    }
    day.audit(640.2, 143, "yusuf", "yusuf", options=options)
    day.expect(640, "send-message", "reported by automod", "Automod's rule “Insults”", "blocked, alert sent", "muppetface")


def by_hand(day):
    day.scene = "what moderators do by hand is written down"
    day.say(660, "quentin", "general", "I will say it as often as I want, this channel is a joke and so are its moderators")
    day.event(664, "GUILD_MEMBER_UPDATE", user=user("quentin"), communication_disabled_until="$in:4000")
    change = {"key": "communication_disabled_until", "new_value": "$in:4000"}
    day.audit(664.2, 24, "petra", "quentin", changes=[change], reason="cool down, please")
    day.expect(664, "send-message", "**Timed out for 1 h** by", mention("petra"), "cool down, please")
    day.silent["quentin"] = (656, 780)
    day.leaves(676, "kalle")
    day.silent["kalle"] = (670, 780)
    day.say(680, "tuyet", "general", "call me when you are there: 555 0142", "number")
    day.event(686, "MESSAGE_DELETE", id="$message:number")
    options = {"channel_id": "$channel:general", "count": "1"}
    day.audit(686.4, 72, "marta", "tuyet", options=options)
    # In both of her threads.
    day.expect(686, "send-message", f"**Deleted** by {mention('marta')}", "555 0142", times=2)
    day.say(689, "marta", "general", f"{mention('tuyet')} I took your phone number away, this channel is public")


def edits(day):
    day.scene = "edits and deletions are logged with what was said"
    for at, name, channel, before, after in [
        (110, "brin", "general", "the realease is out", "the release is out"),
        (190, "farid", "help", "you need a mutex there", "you need an RwLock there"),
        (345, "xiao", "off-topic", "meet at seven", "meet at eight"),
        (460, "eun", "links", "worth reading", "worth reading twice"),
        (650, "lucia", "general", "who comes on friday", "who comes on saturday"),
    ]:
        label = f"edit-{name}"
        day.say(at, name, channel, before, label)
        day.event(at + 8, "MESSAGE_UPDATE", id=f"$message:{label}", content=after)
        day.expect(at + 8, "send-message", "**Edited**", f"> {before}", f"> {after}")
    for at, name, text in [(175, "casey", "ignore me, I found it"), (700, "wanda", "is it only me or is the site down")]:
        label = f"gone-{name}"
        day.say(at, name, "general", text, label)
        day.event(at + 9, "MESSAGE_DELETE", id=f"$message:{label}")
        day.expect(at + 9, "send-message", "**Deleted** by the author or a bot", text)
    # A link that resolves is no edit.
    day.say(370, "marek", "links", "https://blog.rust-lang.org/ has news", "link")
    embed = {"type": "link", "url": "https://blog.rust-lang.org/", "title": "Rust Blog"}
    day.event(371, "MESSAGE_UPDATE", id="$message:link", embeds=[embed])
    day.expect(371, "send-message", "**Edited**", "blog.rust-lang.org", times=0)


def other_kinds(day):
    """A poll, a forwarded message, and a sticker."""
    answers = [{"answer_id": number, "poll_media": {"text": text}} for number, text in [(1, "friday"), (2, "saturday")]]
    poll = {"question": {"text": "Game night?"}, "answers": answers, "allow_multiselect": False, "layout_type": 1}
    day.say(140, "ines", "off-topic", "", poll=poll)
    snapshot = {
        "content": "the meetup is on thursday",
        "embeds": [],
        "attachments": [],
        "timestamp": "$in:0",
        "edited_timestamp": None,
        "flags": 0,
        "type": 0,
    }
    day.say(144, "jonas", "general", "", message_snapshots=[{"message": snapshot}])
    sticker = {"id": "1190000000000000002", "name": "wave", "format_type": 1}
    day.say(148, "mira", "general", "", sticker_items=[sticker])


def evening(day):
    day.scene = "figures for staff and members"
    day.command(744, "marta", "mod-log", "modreport", user_user=person("sven"))
    day.expect(744, "interaction-callback", "Moderation report", "Tracked by staff 1", "Vote 1", user="$moderator")
    day.command(747, "ada", "general", "activity", subcommand_me=None)
    day.expect(747, "interaction-callback", "Your activity", user=person("ada"))
    day.command(749, "helga", "general", "activity", subcommand_top=None)
    day.expect(749, "interaction-callback", "**Who took part most steadily", user="$owner")
    day.talk(754, 2, "general", "marta: good night all\nada: good night!\nhelga: what a day")


def left_alone(day):
    day.scene = "newcomers and regulars who mean well are left alone"
    regulars = {"except": [person("viktor"), person("sven")]}
    raiders = [f"raider{number}" for number in range(1, 5)]
    newcomers = {"except": [person(name) for name in [*raiders, "crypta", "promo_bot", "grifter"]]}
    for route in ["ban", "kick", "edit-member", "add-role"]:
        day.expect(760, route, user="$person:*", **regulars, times=0)
        day.expect(760, route, user="$new:*", **newcomers, times=0)
    day.expect(760, "delete-message", author="$person:*", **regulars, times=0)
    day.expect(760, "delete-message", author="$new:*", **newcomers, times=0)
    for route in ["ban", "kick", "edit-member", "add-role"]:
        for name in STAFF.values():
            day.expect(760, route, user=name, times=0)
    # Nobody else has a thread: raiders, viktor, crypta, sven, grifter, promo_bot, yusuf, quentin, tuyet.
    day.expect(760, "create-thread", channel="$channel:mod-log", times=12)


def main():
    day = Day()
    for scene in [
        set_up,
        newcomers,
        raid,
        scam_wave,
        argument,
        stars,
        ticket,
        honeypot,
        automod,
        by_hand,
        edits,
        other_kinds,
        evening,
    ]:
        scene(day)
    # Whoever left or was timed out above says nothing meanwhile.
    small_talk(day)
    chatter(day, 300)
    left_alone(day)
    day.write(HERE / "day-in-the-life.jsonl")


if __name__ == "__main__":
    main()
