"""Words so frequent that they say nothing about a text, folded."""

_WORDS = """
a about after all also am an and any are as at be because been before being between
both but by can could did do does doing down during each for from further had has
have having he her here hers him his how i if in into is it its itself just me more
most my no nor not of off on once only or other our out over own same she should so
some such than that the their them then there these they this those through to too
under until up very was we were what when where which while who whom why will with
would you your ab aber als auch auf aus bei bin bis bist da dann das dass dein dem
den denn der des dessen die dies diese diesem diesen dieser dieses doch du durch ein
eine einem einen einer eines er es euer fur hat hatte haben hier hinter ich ihr ihre
im ist ja jede jedem jeden jeder jedes jener kann kein keine konnen man mein mit
muss nach nicht noch nun nur ob oder ohne sehr sein seine sich sie sind soll uber um
und uns unser unter vom von vor wann war waren warum weil welche welcher wenn wer
werde werden wie wieder wir wird wo wurde zu zum zur zwischen unsere unserem unseren
unserer unseres ihrem ihren ihrer seinem seinen seiner meine meinem meinen meiner
musste mussen mussten darf durfen durfte konnte konnten sollen sollte sollten wurden
wollen wollte etwas bevor nachdem andere anderem anderen anderer dafur davon dazu
damit gegen welches welchem welchen wessen dort bitte au aux avec ce ces cette dans
de elle en est et eux il je la le les leur lui mais meme mes moi ne nous ou par pas
pour qu que qui sa se ses son sont sur ta te tes toi ton tu un une vos votre vous al
como con del el ella ellos entre era esta este ha hay las lo los mas muy o para pero
por porque si sin sobre su sus una y che chi col dai dal dei della delle di e gli ma
nel nella non per piu quale sono sul aan dat deze dit een het hij hoe ik maar met
naar niet om ook op van voor wat wij zij zijn ao aos com dos em na nas nos os pela
pelo uma в во и или к как не на но о об от по с со то у что это для за из في من على
الى عن ان او هل ما مع هذا هذه التي الذي كان كل لا و اين متي كيف كم ماذا لماذا هناك
عليها عليه علينا عليهم لها له لنا لهم منها منه فيها فيه بعد قبل اي
"""

STOP_WORDS = frozenset(_WORDS.split())
