"""What regulars say to each other all day: the talk of the spam guard's samples, and what is said in between."""

import json
from pathlib import Path

from day import REGULARS, mention, user

TALK = Path(__file__).parent.parent / "spam" / "labelled.jsonl"
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
    subjects = """the new release|my build|that recipe|the async runtime|this macro|the tutorial|our wiki page|the weather|
the match yesterday|the lifetime error|my keyboard|the benchmark|the train|that talk|the printer|my cat|the coffee machine|
the borrow checker|our game night|the changelog""".replace("\n", "").split("|")
    predicates = """works fine for me|is harder than it looks|broke again|made my day|got much faster|is on my list|was fun|
reminds me of last year|needs another review|still fails here|could use an example|surprised me|is not what I expected|
gets better every week|kept me up all night|is worth a look""".replace("\n", "").split("|")
    tails = ["", "", "", "", ", any ideas?", ", thanks", " :)", ", see you tomorrow", ", what do you think?", " again"]
    answers = "same here|nice|oh no|how so?|tell me more|thanks!|I had that too|ha|agreed|good luck".split("|")
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
            day.types(at - 1, name, channel)
        if number % 4 == 0:
            other, emoji = day.random.choice(REGULARS[:30]), day.random.choice(["👍", "😂", "❤️", "🎉"])
            if day.speaks(at + 9, other):
                day.react(at + day.random.uniform(2, 9), other, label, emoji)
