#!/usr/bin/env python3
"""Makes labelled.jsonl from the scenes: the same file every time. README.md describes both."""

import json
import random
import re
from pathlib import Path

HERE = Path(__file__).parent
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "y": 31_536_000}
# Seconds between the beginnings of scenes, and between two messages of one.
SCENE_GAP = (40, 150)
MESSAGE_GAP = (7, 55)
WAVE_GAP = 3
REGULAR_ACCOUNT_MS = 30 * 86_400_000
REGULAR_MEMBER_MS = 7 * 86_400_000


def milliseconds(span):
    number, unit = re.fullmatch(r"(\d+)(s|min|h|d|y)", span).groups()
    return int(number) * UNITS[unit] * 1000


def attachment(written):
    name, size = written.rsplit(" ", 1)
    kinds = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "mp4": "video/mp4", "txt": "text/plain"}
    kind = kinds.get(name.rsplit(".", 1)[-1], "application/octet-stream")
    return {"filename": name, "content_type": kind, "size": int(size)}


def embed(written):
    title, description, url = written.split("|")
    return {"title": title, "description": description, "url": url}


class Scene:
    def __init__(self, label, why):
        self.is_spam, self.why = label == "spam", why
        self.people, self.lines, self.channel = {}, [], "general"

    def read(self, line):
        if line.startswith("who "):
            _, name, account, member = line.split()
            self.people[name] = (milliseconds(account), milliseconds(member))
        elif line.startswith("# "):
            self.channel = line[2:].strip()
        else:
            self.lines.append(self.message(line))

    def message(self, line):
        pattern = r"(?P<flip>!)?(?:\+(?P<gap>[\d.]+) )?(?P<author>[\w.-]+)(?:@(?P<channels>[\w,-]+))?: ?(?P<text>.*)"
        found = re.fullmatch(pattern, line)
        assert found, f"not a line of a scene: {line!r}"
        text, _, why = found["text"].partition("  ## ")
        everyone = "{everyone}" in text
        text = text.replace("{everyone}", "")
        embeds = [embed(written) for written in re.findall(r"\{\{(.*?)\}\}", text)]
        text = re.sub(r"\{\{.*?\}\}", "", text)
        files = re.search(r"\{([^{}|]+\.\w+ \d+(?:, [^{}|]+\.\w+ \d+)*)\}", text)
        if files:
            text = text.replace(files[0], "")
        return {
            "gap": found["gap"] and float(found["gap"]),
            "author": found["author"],
            "channels": (found["channels"] or self.channel).split(","),
            "content": text.strip().replace("\\n", "\n").replace("\\z", "\u200b"),
            "attachments": [attachment(written) for written in files[1].split(", ")] if files else [],
            "embeds": embeds,
            "everyone": everyone,
            "spam": self.is_spam != bool(found["flip"]),
            "why": why or self.why,
        }


def scenes(path):
    scene = None
    for line in path.read_text().splitlines():
        line = line.rstrip()
        if line.startswith("== "):
            if scene:
                yield scene
            scene = Scene(*line[3:].split(": ", 1))
        elif line and not line.startswith("--"):
            scene.read(line)
    if scene:
        yield scene


def play(scene, start, people, chance):
    """The scene's messages, each with its moment in milliseconds."""
    at = start
    for line in scene.lines:
        known = {**people, **scene.people}
        account, member = known[line["author"]]
        names = re.findall(r"(?<![\w/.])@([\w.-]+)", line["content"])
        for number, channel in enumerate(line["channels"]):
            usual = chance.uniform(*MESSAGE_GAP) if number == 0 else WAVE_GAP
            at += int(1000 * (usual if line["gap"] is None else line["gap"]))
            yield {
                "at_ms": at,
                "author": line["author"],
                "account_age_ms": account + at,
                "joined_ago_ms": member + at,
                "channel": channel,
                "content": line["content"],
                "attachments": line["attachments"],
                "embeds": line["embeds"],
                "mentions": [name for name in dict.fromkeys(names) if name in known],
                "everyone": line["everyone"],
                "spam": line["spam"],
                "regular": account + at >= REGULAR_ACCOUNT_MS and member + at >= REGULAR_MEMBER_MS,
                "why": line["why"],
            }


def main():
    chance = random.Random(20_260_302)
    people = {}
    for line in (HERE / "scenes" / "people.txt").read_text().splitlines():
        if line and not line.startswith("--"):
            name, account, member = line.split()
            people[name] = (milliseconds(account), milliseconds(member))
    every = [scene for path in sorted((HERE / "scenes").glob("*.txt")) if path.name != "people.txt" for scene in scenes(path)]
    chance.shuffle(every)
    messages, start = [], 0
    for scene in every:
        start += int(1000 * chance.uniform(*SCENE_GAP))
        # Whoever is new came a moment before speaking, whenever the scene is played.
        scene.people = {name: (account - start, member - start) for name, (account, member) in scene.people.items()}
        messages += play(scene, start, people, chance)
    messages.sort(key=lambda message: (message["at_ms"], message["author"]))
    lines = [json.dumps(message, ensure_ascii=False) for message in messages]
    (HERE / "labelled.jsonl").write_text("\n".join(lines) + "\n")
    spam = sum(message["spam"] for message in messages)
    print(f"{len(messages)} messages, {spam} of them spam, of {len({message['author'] for message in messages})} authors")


if __name__ == "__main__":
    main()
