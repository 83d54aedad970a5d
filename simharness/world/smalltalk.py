"""Everyday small talk for the benign acts: templates, the short word lists that fill their slots, and nothing else.

Lower-case words without punctuation or digits, so that every text splits on single spaces. Places are generic, titles
are described rather than named, and no person or brand appears. `overlap` takes its words from the
lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import product
from string import Formatter
from types import MappingProxyType
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    """A list written with commas, where an entry may be several words."""
    return tuple(entry.strip() for entry in text.split(","))


SLOTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "animal": _words("dog, cat, rabbit, hamster, goldfish, parrot, tortoise, budgie, pony, lizard, gerbil, canary"),
        "colour": _words("red, blue, green, yellow, orange, purple, silver, grey, turquoise, teal, amber, lilac"),
        "day": _words("monday, tuesday, wednesday, thursday, friday, saturday, sunday"),
        "film": _words(
            "space film, robot film, pirate film, dinosaur film, animated film, detective film, mountain film, "
            "railway film, penguin film, treasure film, dragon film, football film"
        ),
        "food": _words("pasta, soup, toast, rice, pizza, curry, porridge, pancakes, salad, noodles, potatoes, lentils"),
        "game": _words(
            "chess, dominoes, marbles, cards, the racing game, the farming game, the building game, the puzzle game, "
            "the island game, the football game, the maze game, the train game"
        ),
        "hobby": _words(
            "drawing, painting, knitting, baking, gardening, origami, pottery, birdwatching, juggling, skating, "
            "woodwork, calligraphy"
        ),
        "instrument": _words(
            "piano, guitar, drums, flute, violin, trumpet, cello, clarinet, keyboard, ukulele, recorder, trombone"
        ),
        "job": _words(
            "the printer, the bicycle, the bookshelf, the calculator, the timetable, the tent, the kettle, the map, "
            "the poster, the spreadsheet, the recipe, the lunch boxes"
        ),
        "part": _words("morning, afternoon, lunch break, first lesson, last lesson, bus journey, walk, practice"),
        "place": _words(
            "the museum, the castle, the library, the harbour, the lakes, the hills, the market, the aquarium, "
            "the observatory, the railway station, the gardens, the lighthouse"
        ),
        "programme": _words(
            "quiz show, cooking show, nature programme, cartoon, baking contest, history programme, weather report, "
            "science show, gardening show, talent show, travel programme, news"
        ),
        "relative": _words("brother, sister, cousin, aunt, uncle, gran, grandad, nephew, niece, mum, dad, godmother"),
        "sport": _words(
            "football, cricket, tennis, netball, rugby, hockey, rowing, badminton, cycling, basketball, rounders, "
            "athletics"
        ),
        "subject": _words(
            "maths, science, history, geography, art, drama, computing, chemistry, physics, technology, astronomy, "
            "cookery"
        ),
        "time": _words("four, half past four, five, half past five, six, half past six, seven, half past seven"),
        "topic": _words(
            "castles, whales, volcanoes, planets, trains, bridges, dragons, explorers, robots, forests, penguins, "
            "pyramids"
        ),
        "weather": _words("rainy, sunny, windy, cloudy, foggy, frosty, grey, mild, breezy, drizzly, chilly, bright"),
    }
)

TEMPLATES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "greets": (
            "hello happy {day}",
            "hi how was {subject}",
            "good morning it is {weather} here",
            "hey i am back from {sport}",
            "good afternoon how was the {part}",
            "hi just finished {hobby}",
            "hello from {place}",
            "morning everyone we had {food} for breakfast",
            "hiya ready for {game}",
            "evening all what a {weather} {day}",
        ),
        "says_goodbye": (
            "bye see you on {day}",
            "got to go {sport} starts soon",
            "off now we are having {food}",
            "goodnight {subject} first thing tomorrow",
            "see you later the {animal} needs feeding",
            "bye for now time for {hobby}",
            "talk on {day} bye",
            "going offline the {programme} is starting",
            "cheerio off to {place}",
            "right i am off to practise the {instrument}",
        ),
        "school": (
            "we had {subject} first today",
            "our {subject} lesson was moved to {day}",
            "the school trip goes to {place}",
            "{subject} is my favourite lesson",
            "assembly on {day} was about {topic}",
            "the canteen had {food} again",
            "there is a new {subject} teacher",
            "the school {sport} team won",
            "our class made a poster about {topic}",
        ),
        "homework": (
            "i have {subject} homework for {day}",
            "the {subject} worksheet has ten questions",
            "still writing my essay about {topic}",
            "did you finish the {subject} project",
            "my {subject} test is next week",
            "need to read a chapter about {topic}",
            "revising {subject} all evening",
            "the {topic} project needs a title page",
        ),
        "games": (
            "fancy a round of {game}",
            "i lost at {game} again",
            "my {relative} is really good at {game}",
            "i reached level nine in {game}",
            "we played {game} on {day}",
            "the new map in {game} has a {colour} tower",
            "i am building a {colour} house in {game}",
            "there is an update for {game}",
            "our team came third in {game}",
        ),
        "music": (
            "i am learning the {instrument}",
            "the {instrument} part is tricky",
            "we have orchestra on {day}",
            "my {relative} plays the {instrument}",
            "the {instrument} needs new parts",
            "choir practice is on {day}",
            "that song has a good {instrument} solo",
            "our concert at {place} went well",
            "i put music on for {hobby}",
            "the {instrument} exam is in spring",
        ),
        "food": (
            "we had {food} for tea",
            "my {relative} makes good {food}",
            "i could eat {food} every {day}",
            "there was {food} in the canteen",
            "i burnt the {food} yesterday",
            "do you like {food}",
            "we are out of {food}",
            "{food} with cheese is the best",
            "trying a new {food} recipe",
        ),
        "weather": (
            "it is {weather} here today",
            "the forecast for {day} is {weather}",
            "so {weather} that {sport} was called off",
            "it was {weather} all {part}",
            "a {weather} day is good for {hobby}",
            "too {weather} for a walk to {place}",
            "there was a {colour} sky this evening",
            "hope it is not {weather} on {day}",
        ),
        "sport": (
            "we won at {sport} on {day}",
            "i scored twice at {sport}",
            "are you watching the {sport}",
            "my {relative} coaches {sport}",
            "{sport} was hard work in this heat",
            "we drew at {sport} again",
            "i want to try {sport} next term",
            "our {sport} kit is {colour}",
            "the {sport} final is on {day}",
        ),
        "pets": (
            "our {animal} is asleep in the sun",
            "the {animal} ate all of its food",
            "my {relative} has a {animal}",
            "we took the {animal} to the vet on {day}",
            "the {animal} has a {colour} collar",
            "a {animal} came into the garden",
            "the {animal} is scared of the vacuum cleaner",
            "i am writing a story about a {animal}",
            "do you have a {animal}",
        ),
        "television": (
            "the {programme} is on at {time}",
            "did you see the {programme} on {day}",
            "we always watch the {programme} as a family",
            "the {programme} was about {topic}",
            "i missed the {programme} again",
            "my {relative} likes the {programme}",
            "a repeat of the {programme} is on",
            "the {programme} had a long interval",
        ),
        "films": (
            "the {film} was two hours long",
            "i liked the music in the {film}",
            "we saw the {film} on {day}",
            "the {film} has a funny ending",
            "my {relative} fell asleep in the {film}",
            "the {film} is better than the {programme}",
            "they are making another {film}",
            "the {film} had great scenery",
        ),
        "books": (
            "reading a book about {topic}",
            "the library has a new book about {topic}",
            "i finished the one about {topic} on {day}",
            "the book about {topic} has good maps",
            "my {relative} gave me a book about {topic}",
            "chapter four is about {topic}",
            "the cover is {colour} with {topic} on it",
            "comics about {topic} are fun",
            "our reading group picked {topic}",
        ),
        "weekend": (
            "on {day} we went to {place}",
            "this weekend was mostly {hobby}",
            "we played {game} all weekend",
            "the weekend was {weather}",
            "saturday is {sport} and sunday is {hobby}",
            "we made {food} on sunday",
            "my {relative} visited at the weekend",
            "nice quiet weekend with the {animal}",
            "long weekend so we saw {place}",
        ),
        "travel": (
            "we took the train to {place}",
            "the bus to {place} was late",
            "the road to {place} was closed on {day}",
            "it was {weather} on the ferry",
            "the {colour} line goes past {place}",
            "we packed {food} for the journey",
            "it takes an hour to reach {place}",
            "my {relative} drove us to {place}",
            "we saw {topic} on our trip",
        ),
        "hobbies": (
            "i have started {hobby}",
            "{hobby} club is on {day}",
            "{hobby} takes a lot of patience",
            "my {relative} taught me {hobby}",
            "i prefer {hobby} to {sport}",
            "i need more {colour} paper for {hobby}",
            "{hobby} is relaxing",
            "the {hobby} fair is at {place}",
        ),
        "thanks": (
            "thanks for the help with {subject}",
            "thank you for fixing {job}",
            "cheers for the {food} recipe",
            "thanks for the map of {place}",
            "many thanks for the notes about {topic}",
            "thanks for lending me the {instrument}",
            "thank you for the game of {game}",
            "ta for feeding the {animal}",
            "thanks that book about {topic} was useful",
        ),
        "agrees": (
            "yes {food} sounds good",
            "okay {day} works",
            "sure we can do {game}",
            "yes the {film} was good",
            "true {subject} is hard",
            "agreed {sport} is more fun outdoors",
            "yeah it is too {weather}",
            "right the {colour} one then",
            "fine by me {time} it is",
            "exactly the {programme} was too long",
        ),
        "declines": (
            "no thanks i have {sport} practice",
            "not {day} i have {subject} homework",
            "i would rather not have {food}",
            "sorry busy with {hobby}",
            "no i do not play {game}",
            "maybe another time it is {weather}",
            "cannot make {day} sorry",
            "not keen on the {film}",
            "no need {job} is fine now",
        ),
        "laughs": (
            "haha the {animal} did it again",
            "haha not {food} again",
            "lol that {programme}",
            "hehe my {relative} said the same",
            "haha i put {colour} paint on the {instrument}",
            "that joke about {topic} was funny",
            "haha who brings {food} to {sport}",
            "hehe i fell asleep in the {film}",
            "lol i forgot it was {day}",
        ),
        "asks_day": (
            "how was your {day}",
            "how did {subject} go today",
            "how was {sport} today",
            "busy {day} for you",
            "what did you have for lunch was it {food}",
            "was the {part} any good",
            "did the {hobby} go well today",
            "was {day} too {weather} for {sport}",
            "how was the trip to {place}",
            "did your {relative} have a good {day}",
        ),
        "family_news": (
            "my {relative} started a new job",
            "my {relative} is visiting on {day}",
            "my {relative} has moved near {place}",
            "my {relative} passed the driving test",
            "my {relative} has taken up {hobby}",
            "we all had {food} at the party for my {relative}",
            "my {relative} won a prize for {hobby}",
            "my {relative} adopted a {animal}",
        ),
        "training_times": (
            "{sport} training is at {time}",
            "training moved to {day}",
            "the {sport} bus leaves at {time}",
            "{day} training starts at {time}",
            "bring the {colour} bibs on {day}",
            "no {sport} this {day}",
            "the {sport} match kicks off at {time}",
            "training ends at {time} now",
        ),
        "practical_help": (
            "can you help me fix {job}",
            "the instructions for {job} are online",
            "try restarting {job}",
            "how do you spell {hobby}",
            "here is how {job} works",
            "my {relative} can fix {job}",
            "we need {colour} tape for {job}",
            "{job} is in the hall cupboard",
            "which page was {subject} on",
        ),
    }
)


@cache
def expansions(act: str) -> tuple[str, ...]:
    """Every text the templates of the benign act `act` can make, in template order, without repeats."""
    texts: list[str] = []
    for template in TEMPLATES[act]:
        slots = [name for _, name, _, _ in Formatter().parse(template) if name]
        texts.extend(
            template.format(**dict(zip(slots, filling, strict=True))) for filling in product(*(SLOTS[s] for s in slots))
        )
    return tuple(dict.fromkeys(texts))


@cache
def small_talk_words() -> frozenset[str]:
    """Every word that a benign text can hold."""
    return frozenset(word for act in TEMPLATES for text in expansions(act) for word in text.split())


@cache
def common_words() -> tuple[str, ...]:
    """The words that `overlap` mixes into risk phrases, sorted: those that fill slots.

    Slot words only, and without the relatives: a list of days, foods and colours beside a made-up word says nothing,
    while a verb or a person beside it could be read into something.
    """
    lists = (entries for slot, entries in SLOTS.items() if slot != "relative")
    return tuple(sorted({word for entries in lists for entry in entries for word in entry.split()}))
