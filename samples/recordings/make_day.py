#!/usr/bin/env python3
"""Makes day-in-the-life.jsonl: the same file every time. ../README.md describes its lines.

One large community goes through a day that is pressed into 13 minutes; the demonstration plays it 20 times as fast.
Whatever must come of an event is expected right below it; at the end stands what must not have happened to anybody."""

from pathlib import Path

from day import STAFF, Day, mention, person, user
from small_talk import chatter, small_talk


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
    new = f"{mention('petra')} and {mention('nils')}"
    day.say(27, "helga", "general", f"and please welcome {new}, who moderate from today on")


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
    answer = "it cannot know whose lifetime that is:\n```rust\nfn longest<'a>(a: &'a str, b: &'a str) -> &'a str\n```"
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
    day.types(128, "tomas", "introductions")


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
    day.say(448, "marta", "off-topic", "sven takes a break until tomorrow. hugo, you were no help either. carry on")


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
    concern = "Somebody writes me private messages about a job and says that they know you. What should I do?"
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
    noted = ["**Ticket 1** of", f"closed by {mention('priya')}", "👍", "that was quick"]
    day.expect(548, "send-message", *noted, channel="$channel:mod-log")

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
    noted = ["reported by automod", "Automod's rule “Insults”", "blocked, alert sent", "muppetface"]
    day.expect(640, "send-message", *noted)


def by_hand(day):
    day.scene = "what moderators do by hand is written down"
    day.say(660, "quentin", "general", "I say it as often as I want, this channel is a joke and so are its moderators")
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
    for at, name, text in [(175, "casey", "ignore me, I found it"), (700, "wanda", "is it only me or is it down")]:
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
    day.write(Path(__file__).parent / "day-in-the-life.jsonl")


if __name__ == "__main__":
    main()
