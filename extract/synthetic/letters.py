"""Clinic letters about a man before prostatectomy: how he is, told in one of two ways sentence by sentence.

Enters: a random stream. Leaves: one or two letters of some 100 to 200 words, and what a perfect reader would
count: the share of sentences that tell of a poor constitution. That choice is the main thing in which the
letters differ; opening, order and ending vary without meaning. Nobody is named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from extract.synthetic.reading import Reading

SECOND_LETTER = 0.4
#: mean and sd of the share of poor sentences over the population; a test holds them.
SHARE_MEAN, SHARE_SD = 0.5, 0.303

#: (poor constitution, good constitution)
SENTENCES = (
    (
        "He tires after one flight of stairs and rests twice.",
        "He cycles daily and swims long distances without stopping.",
    ),
    (
        "Appetite is failing; six kilograms lost since spring.",
        "Hearty meals and a stable body weight were reported.",
    ),
    (
        "Two brothers and the father died of prostatic carcinoma.",
        "No relative ever suffered from any malignant disease.",
    ),
    (
        "Night sweats soak his sheets several times weekly.",
        "Sleep is sound, quiet and refreshing until morning.",
    ),
    (
        "Grip strength measured poorly below the tenth centile.",
        "Muscle power tested excellent in every limb.",
    ),
    (
        "Ankle oedema and basal crackles were noted bilaterally.",
        "Chest examination was clear and circulation brisk.",
    ),
    (
        "Walking aid required; gait looked slow and unsteady.",
        "Independent gardener, hiker and volunteer football referee.",
    ),
    (
        "Haemoglobin had dropped again and ferritin stayed depleted.",
        "Blood count, kidney and liver panels were unremarkable.",
    ),
    (
        "A hard nodule with blurred margins fills the left lobe.",
        "Rectal palpation found a soft, smooth, symmetric gland.",
    ),
    (
        "Persistent lumbar aching wakes him before dawn.",
        "Pain was denied everywhere, including back and hips.",
    ),
    (
        "Heavy smoker, forty pack years, unwilling to quit.",
        "Lifelong abstainer from tobacco with modest wine consumption.",
    ),
    (
        "Widowed, housebound, neighbours deliver his shopping.",
        "Married, socially busy, travels abroad each summer.",
    ),
    (
        "Insulin doses were doubled for uncontrolled diabetes.",
        "Takes only vitamin tablets; glucose remains perfectly normal.",
    ),
    (
        "Clinical frailty scale estimated at five of nine.",
        "Performance status zero, fully active without restriction.",
    ),
)
OPENINGS = (
    "Thank you for sending this man to our urological clinic.",
    "We saw your patient again in outpatients today.",
    "This gentleman attended to discuss the planned operation.",
    "Your patient came with his questions about surgery.",
)
PLANS = (
    "Radical prostatectomy was explained with its usual risks, and written information was given.",
    "We went through the operation, the catheter and the recovery, and consent was obtained.",
    "The alternatives were weighed and he prefers an operation; a date will follow by post.",
)
ENDINGS = ("With kind regards.", "Yours sincerely.", "Please call us if anything changes.")


@dataclass(frozen=True, kw_only=True)
class Letters:
    """The texts of one case in order of time and their common reading."""

    texts: tuple[str, ...]
    reading: Reading


def draw_letters(rng: np.random.Generator) -> Letters:
    """Draw one or two letters; each sentence takes the poor wording with the same probability in both."""
    from scipy.stats import norm

    constitution = rng.standard_normal()
    chance = float(norm.cdf(constitution))
    number = 1 + int(rng.random() < SECOND_LETTER)
    poor = rng.random((number, len(SENTENCES))) < chance
    share = float(poor.mean())
    return Letters(
        texts=tuple(_letter(row, rng) for row in poor),
        reading=Reading(
            z=(share - SHARE_MEAN) / SHARE_SD,
            measurements=(share,),
            latents={"poor_constitution": float(constitution)},
        ),
    )


def _letter(poor: np.ndarray, rng: np.random.Generator) -> str:
    order = rng.permutation(len(SENTENCES))
    body = [SENTENCES[i][0 if poor[i] else 1] for i in order]
    half = len(body) // 2
    paragraphs = (
        _pick(OPENINGS, rng) + " " + " ".join(body[:half]),
        " ".join(body[half:]),
        _pick(PLANS, rng),
        _pick(ENDINGS, rng),
    )
    return "\n\n".join(paragraphs) + "\n"


def _pick(choices: tuple[str, ...], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
