"""Make the sample documents: the same bytes every time, all of our own writing.

    python notebooks/make_samples.py [FOLDER]

Every person, company, product and place in them is made up.  What lies in
`samples` can be read; what lies in `samples-that-fail` cannot, each file for a
reason of its own.
"""

import io
import random
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docx
import reportlab
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.shared import Pt
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.graphics.charts.lineplots import LinePlot
from reportlab.graphics.shapes import Drawing, String
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, A5
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    FrameBreak,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

HERE = Path(__file__).resolve().parent

#: The moment that every document claims to have been made.
WRITTEN = datetime(2025, 3, 14, 9, 30, tzinfo=UTC)

#: The password of the encrypted sample; it protects nothing.
PASSWORD = "correct horse"

INK = HexColor("#1d2433")
SOFT = HexColor("#5b6475")
LINE = HexColor("#c9cfda")
TINT = HexColor("#eef1f6")

SERVICES_AGREEMENT = """
# Master Services Agreement

between Northbridge Analytics Limited, 14 Quay Street, Port Ellery (the "Provider"), and
Tamarind Foods plc, 200 Orchard Way, Lower Hask (the "Client"), each a "party", dated 14
March 2025.

## 1. Definitions and interpretation

1.1 In this agreement "Services" means the forecasting, data preparation and reporting
services that are described in a Work Order; "Deliverables" means every report, model,
dataset and document that the Provider hands to the Client under a Work Order; and
"Fees" means the amounts that are set out in the Work Order or, where it names none, the
rates of Schedule A.

1.2 A "Work Order" is a document that both parties have signed, that refers to this
agreement, and that says what is to be done, by when, and for how much. Where a Work
Order and this agreement disagree, this agreement prevails, except where the Work Order
names the clause that it changes.

1.3 Headings are for convenience and do not affect interpretation. Words in the singular
include the plural. "Business Day" means a day other than a Saturday, a Sunday or a
public holiday in Port Ellery.

## 2. Term

2.1 This agreement begins on the date above and continues for thirty-six months. It is
then extended for further periods of twelve months each, unless either party tells the
other in writing, at least ninety days before the end of the current period, that it
does not want the extension.

2.2 A Work Order that is still being performed when this agreement ends is completed
under the terms of this agreement, unless it is terminated under clause 11 or clause 12.

## 3. The Services

3.1 The Provider performs the Services with the skill and care that an experienced
supplier of forecasting services would use, with people who are suitably qualified, and
in accordance with the timetable of the Work Order.

3.2 The Provider names a delivery lead for each Work Order. The Client may ask for the
replacement of a delivery lead on reasonable grounds; the Provider then proposes a
substitute within ten Business Days.

3.3 The Provider may use subcontractors that the Client has approved in writing. It
remains responsible for what they do as if it had done it itself.

## 4. What the Client contributes

4.1 The Client gives the Provider, in good time, the sales, stock and promotion data
that a Work Order lists, access to its offices during working hours, and answers to
reasonable questions within five Business Days.

4.2 If the Client is late with any of these, the Provider's dates move by as many days
as the Client was late, and the Provider tells the Client without delay what this costs,
if anything.

## 5. Acceptance of Deliverables

5.1 The Client has fifteen Business Days after receipt to test a Deliverable against the
acceptance criteria in the Work Order. It then either accepts the Deliverable or
describes, in writing, how it fails to meet the criteria.

5.2 The Provider corrects a failed Deliverable at its own cost and hands it over again,
and the test begins anew. If a Deliverable fails for the third time, the Client may
reject it, pay nothing for it, and terminate the Work Order.

5.3 A Deliverable that the Client uses in its business, or about which it says nothing
within the fifteen Business Days, counts as accepted.

## 6. Fees and payment terms

6.1 The Provider invoices monthly in arrears for work done at daily rates, and on
acceptance for work done at a fixed price. Each invoice names the Work Order, the
period, the people and the days.

6.2 Undisputed invoices are payable within thirty days after receipt. On amounts that
are paid late the Client pays interest at four per cent a year above the base rate of
the Bank of Ellery, calculated daily.

6.3 If the Client disputes part of an invoice in good faith it pays the rest on time and
tells the Provider, within fifteen days after receipt, what it disputes and why. The
parties then follow clause 15.

6.4 Daily rates may be raised once in each calendar year, by no more than the change in
the national consumer price index over the preceding twelve months, on sixty days'
notice.

6.5 Travel is reimbursed at cost, in standard class, where the Client agreed to it
beforehand. All amounts exclude value added tax.

## 7. Intellectual property

7.1 Each party keeps what it owned before. On payment, the Client becomes the owner of
the Deliverables that were made for it alone, including the forecasting models that were
trained on its data.

7.2 The Provider keeps its general methods, libraries and tools, and grants the Client a
perpetual, worldwide, royalty-free licence to use those that are embedded in a
Deliverable, as part of that Deliverable.

7.3 The Provider defends the Client against any claim that a Deliverable infringes the
rights of others, and pays what a court awards, provided that the Client tells it
promptly and lets it conduct the defence.

## 8. Confidentiality

8.1 Each party keeps the other's confidential information secret, uses it only to
perform or receive the Services, and shows it only to those of its people and advisers
who need it and are bound in the same way. This obligation survives for five years after
the agreement ends.

8.2 Information is not confidential if it is public other than by a breach, was known
before, was received lawfully from someone else, or was developed independently. A party
may disclose what a court or regulator lawfully requires, after telling the other party
where that is allowed.

## 9. Data protection

9.1 Where the Provider processes personal data for the Client it does so on the Client's
documented instructions alone, keeps the data within the country, and encrypts it at
rest and in transit. Schedule B lists the categories of data and the purposes.

9.2 The Provider tells the Client of a personal data breach without undue delay and in
any case within thirty-six hours after becoming aware of it, with what is known about
its nature, the people concerned, and what has been done.

9.3 When a Work Order ends the Provider returns the Client's data in a common format and
deletes its copies within thirty days, and certifies the deletion in writing.

## 10. Liability

10.1 Nothing in this agreement limits liability for death or personal injury caused by
negligence, for fraud, or for anything else that cannot lawfully be limited.

10.2 Subject to clause 10.1, neither party is liable for loss of profit or for indirect
loss, and the total liability of each party in any contract year is limited to one
hundred and fifty per cent of the Fees paid and payable in that year. The limit for
breach of clauses 8 and 9 is three million crowns.

10.3 The Provider keeps professional indemnity insurance of at least five million crowns
for each claim, and shows the Client a certificate once a year.

## 11. Termination for convenience

11.1 The Client may terminate this agreement, or any Work Order, for convenience, at any
time and without giving a reason, on sixty days' written notice.

11.2 If the Client terminates for convenience it pays the Fees for Services performed up
to the date of termination, the cost of commitments to third parties that the Provider
cannot cancel and that the Client had approved, and, for a fixed-price Work Order, a
part of the price in proportion to the work that has been done. It pays no compensation
for lost profit.

11.3 The Provider may not terminate a Work Order for convenience. It may terminate this
agreement for convenience on one hundred and eighty days' notice, which takes effect
only when every Work Order has been completed.

## 12. Termination for cause

12.1 Either party may terminate this agreement or a Work Order at once, by written
notice, if the other commits a material breach that cannot be put right, or that it has
not put right within thirty days after being asked to; or if the other becomes
insolvent, enters administration, or ceases to trade.

12.2 The Provider may suspend the Services on ten Business Days' notice if an undisputed
invoice is more than forty-five days overdue.

## 13. What happens at the end

13.1 For up to six months after termination, for whatever reason, the Provider helps the
Client to move the Services in house or to another supplier, at the rates of Schedule A,
and hands over documentation, source code of the Deliverables and credentials.

13.2 Clauses 7, 8, 9.3, 10, 13 and 15 survive the end of this agreement.

## 14. Force majeure

14.1 A party is not in breach for as long as, and to the extent that, events beyond its
reasonable control prevent it from performing, such as flood, fire, epidemic, war, or
failure of public networks. It tells the other party promptly and does what it
reasonably can to limit the effect. If the event lasts longer than sixty days, either
party may terminate the Work Orders affected.

## 15. Disputes and governing law

15.1 Disputes are first discussed by the delivery lead and the Client's project owner,
then, after ten Business Days, by a director of each party. If they are not settled
thirty days after that, they are referred to mediation in Port Ellery before anything is
brought before a court.

15.2 This agreement is governed by the law of Ellery, and its courts have exclusive
jurisdiction.

## Schedule A: daily rates

Principal consultant, 1,450 crowns a day. Senior data scientist, 1,180 crowns a day.
Data engineer, 960 crowns a day. Analyst, 720 crowns a day. A day is seven and a half
hours of work; travel time outside working hours is not charged.

## Schedule B: personal data

Names and business contact details of the Client's buyers and store managers, used to
distribute reports and to administer access. Loyalty card numbers in pseudonymised form,
used to measure how promotions shift purchases between weeks. No special categories of
personal data.
"""

SUPPLY_AGREEMENT = """
# Supply Agreement

Harrow & Lunt Glassworks ("Supplier") and Tamarind Foods plc ("Buyer") agree as follows
on 2 September 2024 about the supply of glass jars and closures.

## 1. Forecast and orders

On the first Monday of every month the Buyer sends a rolling forecast for six months.
The first two months of the forecast are a binding order; months three and four may move
by twenty per cent; the rest is information only.

The Supplier confirms an order within three working days. An order that it has neither
confirmed nor refused in that time counts as confirmed.

## 2. Delivery

Jars are delivered free carrier to the Buyer's filling plant at Lower Hask, on
heat-treated pallets of 2,340 jars, between six in the morning and two in the afternoon.
Risk passes when a pallet has been unloaded.

If a delivery is late by more than two days the Buyer may deduct one per cent of its
price for each day, up to ten per cent, as liquidated damages. After ten days it may buy
elsewhere and charge the difference.

## 3. Quality

The Buyer inspects a sample of eighty jars from each pallet. A pallet with more than two
jars that have critical defects - splits, stuck glass, or a finish that does not seal -
may be rejected as a whole within fifteen days. The Supplier collects rejected pallets
at its own expense.

The Supplier keeps the mould and furnace records of every batch for seven years and
allows an audit on five days' notice.

## 4. Prices

Prices are fixed for a year. The energy part of the price, thirty-one per cent, follows
the quarterly gas index: if the index moves by more than five per cent the price moves
by the same percentage of that part, up or down.

## 5. Payment terms

Invoices are due sixty days from the end of the month of delivery. The Buyer takes a
discount of two per cent if it pays within fourteen days.

## 6. Exclusivity and minimum volume

The 370 millilitre hexagonal jar is made for the Buyer alone. In return the Buyer takes
at least four million of them a year. If it takes fewer, it pays eight per cent of the
price of those it did not take.

## 7. Ending the agreement

Either side may end this agreement at the end of a calendar year on nine months' notice.
Neither side may end it for convenience during the first two years. The Buyer owns the
moulds and may collect them when the agreement ends.
"""

PRICES = [
    ("Jar, hexagonal, 370 ml", "4,000,000", "0.214"),
    ("Jar, round, 250 ml", "1,200,000", "0.176"),
    ("Jar, round, 720 ml", "600,000", "0.329"),
    ("Twist-off closure, 63 mm", "5,200,000", "0.041"),
]

MINUTES = """
# Minutes of the works council

Held on Wednesday 12 March 2025, 14:00 to 15:40, canteen annex, Lower Hask plant.

Present: Ines Aldana (chair), Petr Vosk, Marguerite Oyelaran, Tom Hale, Li Wen
(minutes). Apologies: Samir Boulos.

## 1. Minutes of the last meeting

The minutes of 12 February were approved with one correction: the trial of the shorter
night shift began on 3 February, not on 10 February.

## 2. Night shift trial

Marguerite Oyelaran reported on the first five weeks. Absence on the night shift fell
from 6.1 to 4.8 per cent; output per hour was unchanged. Two packers found the handover
at 05:30 too early for the first bus. Decision: the trial continues until the end of
April, and the handover moves to 05:45.

## 3. Noise in the filling hall

Tom Hale presented the measurements. At the depalletiser the level is 87 decibels over
eight hours, above the limit of 85. The supplier offers a hood for 18,400 crowns, which
should bring six decibels. Until it is fitted, ear protection is mandatory within the
yellow line. Petr Vosk objected that the moulded plugs promised in autumn had not
arrived for everyone. Action: Li Wen to list who still lacks them by 19 March.

## 4. Canteen prices

The council was told that the caterer wants to raise the price of the lunch from 5.20 to
5.80 crowns on 1 May. The council does not agree as long as the vegetarian dish runs out
before one o'clock. Action: Ines Aldana to speak to the caterer and to report in April.

## 5. Training budget

Forty-one of sixty places on the forklift course are taken. Places that are free on 1
April are offered to the warehouse of the Hask Mill site.

## 6. Any other business

The bicycle shelter leaks again. Facilities have ordered a new gutter. The summer party
is on Saturday 21 June; volunteers for the grill are wanted.

Next meeting: Wednesday 9 April 2025, 14:00, same place.
"""

ARABIC_NOTICE = """
# إشعار إلى سكان المبنى

إلى جميع سكان مبنى النخيل رقم ١٢، شارع البحر

نود إعلامكم بأن أعمال صيانة شبكة المياه ستبدأ يوم الاثنين ٧ أبريل ٢٠٢٥ وتستمر ثلاثة أيام.

## انقطاع المياه

ستنقطع المياه يوميا من الساعة التاسعة صباحا حتى الساعة الثالثة عصرا. يرجى تخزين كمية كافية من المياه قبل هذا الموعد وإغلاق جميع الصنابير خلال فترة الانقطاع.

## المصعد وموقف السيارات

لن يعمل المصعد الشرقي يوم الثلاثاء ٨ أبريل بسبب فحص السلامة السنوي. يرجى إخلاء موقف السيارات في الطابق السفلي قبل الساعة الثامنة صباحا.

## الاتصال

لأي استفسار يرجى الاتصال بمكتب الإدارة في الطابق الأرضي، أو ترك رسالة في صندوق البريد رقم ٣. نعتذر عن أي إزعاج ونشكركم على تعاونكم.

إدارة المبنى
"""  # noqa: E501 - a paragraph is one line

JAPANESE_RULES = """
# 就業規則(抜粋)

株式会社みなと製作所
2025年4月1日 施行

## 第1章 総則

第1条(目的) この規則は、株式会社みなと製作所(以下「会社」という。)の従業員の労働条件および服務規律その他の就業に関する事項を定めるものである。

第2条(適用範囲) この規則は、会社に勤務するすべての従業員に適用する。ただし、短時間勤務者については別に定めるところによる。

## 第2章 勤務時間と休憩

第3条(勤務時間) 所定労働時間は、1日について7時間45分とする。始業時刻は午前8時30分、終業時刻は午後5時15分とする。

第4条(休憩) 休憩時間は、正午から午後1時までの60分間とする。業務の都合により、休憩時間を変更することがある。

第5条(時間外労働) 業務上必要がある場合は、所定労働時間を超えて労働させることがある。時間外労働には、通常の賃金の2割5分増の割増賃金を支払う。

## 第3章 年次有給休暇

第6条(付与日数) 6か月間継続して勤務し、所定労働日の8割以上出勤した従業員には、10日の年次有給休暇を与える。

第7条(請求の手続) 年次有給休暇を取得しようとする者は、原則として3日前までに所属長に届け出なければならない。病気その他やむを得ない理由がある場合は、事後に届け出ることができる。

第8条(繰越) その年度に取得しなかった年次有給休暇は、翌年度に限り繰り越すことができる。

## 第4章 安全と衛生

第9条(安全の確保) 従業員は、機械の点検および清掃を行うときは、必ず電源を切り、操作盤に「作業中」の札を掛けなければならない。

第10条(保護具) 工場内では、安全靴、保護眼鏡および作業帽を着用する。騒音が85デシベルを超える場所では、耳栓を使用する。

第11条(健康診断) 会社は、毎年1回、従業員に対して定期健康診断を実施する。夜勤に従事する者については、6か月ごとに実施する。

## 第5章 退職

第12条(自己都合による退職) 従業員が退職しようとするときは、少なくとも30日前までに書面で会社に申し出なければならない。

第13条(定年) 従業員の定年は満65歳とし、定年に達した日の属する月の末日をもって退職とする。

第14条(貸与品の返却) 退職する者は、社員証、鍵、作業服その他会社から貸与された物品を、退職の日までに返却しなければならない。
"""  # noqa: E501 - a paragraph is one line

RUSSIAN_LETTER = """\
Управляющая компания «Северный двор»
г. Озерск, ул. Мельничная, д. 7
14 марта 2025 г.

Уважаемая Анна Сергеевна!

В ответ на Ваше обращение от 3 марта сообщаем следующее.

Протечка в подъезде № 2 возникла из-за повреждения водосточной трубы на северном
фасаде. Временный ремонт выполнен 6 марта: заменено колено трубы и очищен желоб.
Полная замена водостока запланирована на май, после окончания заморозков.

Следы сырости на потолке лестничной площадки будут устранены до 15 апреля. Работы
включают просушку, обработку составом против плесени и окраску. Доступ в квартиры
для этого не требуется.

Перерасчёт платы за отопление за февраль произведён. Сумма 1 284 рубля 60 копеек
учтена в квитанции за март. Если Вы уже оплатили счёт, переплата будет зачтена в
следующем месяце.

Напоминаем, что заявки на ремонт принимаются круглосуточно по телефону диспетчерской
службы. При аварии воды или отопления просим звонить немедленно и не ждать рабочего
дня.

С уважением,
П. И. Корнеев,
главный инженер
"""

WELCOME_LETTER = """
# Welcome to the Reading Room

Dear Mr Adeyemi,

thank you for joining the Friends of the Ellery Reading Room. Your membership card is
enclosed; it opens the side door on Canal Street between seven in the morning and eleven
at night, every day of the year except the second week of January, when we count the
books.

Members may borrow twelve books at a time for six weeks. The rare prints in the gallery
do not leave the building, but you may order up to three of them a day to the long table
under the skylight. Please use pencil there, and leave bags and umbrellas in the
lockers.

Your subscription of 48 crowns a year pays for heating, bindings, and the wages of our
two conservators. If you would like to pay in quarterly instalments, or to give a
subscription to somebody else, tell the desk. You can cancel at any time; we then return
what you have paid for the months that remain.

On the first Thursday of each month a member talks about a book for half an hour, and
there is soup. In April it is Mrs Castellanos, on a pilot's handbook of the northern
coast from 1871. We would be glad to see you there.

With kind regards,

Oona Brandt
Librarian
"""

STUDY = """
# Drying of wood-fibre insulation after a simulated leak

L. Marchetti, A. Okafor and J. Sund - Institute for Building Physics, Port Ellery

## Abstract

Wood-fibre boards are valued because they store and release moisture. How fast they dry
after a leak, and whether they keep their insulating value, is less well known. We
wetted twelve wall elements with forty litres of water each and followed them for 140
days. Elements with a vapour-open membrane on both sides returned to their initial
moisture content after 61 days on average; elements with a foil on the inside had not
done so by the end. Thermal conductivity recovered with the moisture content in all but
one element. We found mould only behind foil.

## 1. Introduction

Insulation made of wood fibre accounts for about a tenth of the market for flat roofs
and timber frame walls in the region, and its share grows by some eight per cent a year.
Insurers ask whether a wall must be opened after a pipe has burst. Opening is expensive:
for a detached house it costs between nine and twenty thousand crowns, most of it for
finishes rather than for insulation.

Earlier work measured small samples in climate chambers. Samples dry from every side,
however, while a wall dries from two, through layers that were chosen for other reasons.
We therefore built whole elements.

## 2. Method

Each element is 1.2 metres wide, 2.4 metres high and 300 millimetres deep, with solid
studs at 600 millimetres. Six elements carry a vapour-open membrane (sd 0.1 m) on both
sides, three an intelligent membrane, and three an aluminium foil on the room side. All
stand in the north wall of an unheated hall that is heated to 20 degrees on the room
side.

Water was let in at the top through a perforated hose over four hours, as from a leaking
supply pipe. Resistance probes at five heights and three depths recorded the moisture
content every ten minutes. Every second week we measured the thermal conductivity with a
guarded heat flow meter on cores of 80 millimetres.

Probes were calibrated against oven-dried cores from two sacrificial elements. The
standard error of a single reading is 0.9 percentage points below fibre saturation and
about three above it.

## 3. Results

Water collected in the lowest 600 millimetres of every element, where the moisture
content reached 58 to 74 per cent of dry mass within a day. Above 1.5 metres no probe
exceeded 25 per cent.

Vapour-open elements lost half of the added water in 19 days and reached their initial
state, 11 per cent, after 61 days (range 52 to 70). With the intelligent membrane it
took 88 days. Behind foil, drying followed the same course for about a week, while water
ran out at the sole plate, and then slowed to a tenth of the rate of the open elements:
31 per cent remained on day 140. Figure 1 shows the means.

Thermal conductivity rose from 0.039 to between 0.071 and 0.083 watts per metre and
kelvin in the wet zone. It followed the moisture content closely on the way back. One
open element kept a value of 0.046; when it was opened we found that the boards had
settled by 12 millimetres and left a gap at the upper joint.

Mould of the genera Cladosporium and Aspergillus was found in all three foil elements,
at the back of the foil and nowhere else. In the others, cultures from swabs did not
differ from those taken before wetting.

## 4. Discussion

The results support leaving vapour-open walls closed after a single leak of clean water,
provided that the source has been repaired, that the room is heated, and that the
moisture content at the sole plate is checked after four and eight weeks. They do not
support it where a foil prevents drying to the inside.

Three limits should be kept in mind. Our water was clean; sewage needs other measures.
The hall has no rain on its north wall, which helped. And twelve elements are few: the
range within a group was as large as the difference between the first two groups.

Settling in one element is a reminder that fibre boards must be fitted under pressure.
The gap would have been found with an infrared camera, which we recommend after eight
weeks.

## 5. Conclusion

Walls of wood fibre with open membranes dry within about two months after a leak of
forty litres and then insulate as before. A probe in the sole plate, at a cost of some
sixty crowns, is enough to decide whether a wall may stay closed.

## Acknowledgements

We thank the Hask Timber Guild for the elements and Mrs R. Thiele for reading the probes
through two winters. The measurements are available from the authors.
"""

GUIDE = """\
# Returns API: integration guide

The Returns API lets a shop offer labels, track parcels on their way back and refund
customers, without showing them our own pages. This guide takes you from a key to the
first refund in about half an hour.

## Before you start

You need a merchant account, a sandbox key from *Settings → Keys*, and an address that
can receive webhooks. Keys beginning with `sk_test_` work in the sandbox only and never
move money.

## Create a return

```http
POST /v2/returns HTTP/1.1
Authorization: Bearer sk_test_51xx
Idempotency-Key: 7c1a5d0e
Content-Type: application/json

{"order": "A-20931", "lines": [{"sku": "MUG-BLUE", "quantity": 1, "reason": "damaged"}]}
```

The answer holds the identifier of the return, the label as a PDF link that is good for
seven days, and the status `awaiting_parcel`.

Send an `Idempotency-Key` with every request that creates something. If the connection
breaks, repeat the request with the same key: you get the same answer, and no second
label.

## Follow a return

| status            | meaning                                            |
|-------------------|----------------------------------------------------|
| `awaiting_parcel` | the label exists; nothing has been scanned         |
| `in_transit`      | the carrier has the parcel                         |
| `received`        | the warehouse has it and is inspecting the goods   |
| `approved`        | the goods are as described; a refund may be made   |
| `rejected`        | they are not; the customer has been told why       |

Do not poll. Register a webhook and answer it with any 2xx code within ten seconds; we
repeat it with growing pauses for three days otherwise.

## Check that a webhook is from us

Every webhook carries a header `Returns-Signature`, which is the HMAC-SHA256 of the time
stamp, a full stop and the raw body, under your signing secret. Compare it in constant
time and refuse time stamps that are more than five minutes old.

## Refund

`POST /v2/returns/{id}/refund` refunds the lines that were approved, to the means of
payment of the order. A partial refund names an amount. Refunds over 500 crowns need a
second person to confirm them in the dashboard.

## Limits and errors

A key may send 100 requests a second; above that the answer is `429` with a
`Retry-After` header. Errors are JSON with a stable `code`, a `message` for people, and
a `request` that our support will ask you for.

- `order_not_found`: there is no such order in this account.
- `window_closed`: the return window, 30 days by default, is over.
- `already_refunded`: the line has been refunded; nothing was done.
"""

PRICE_LIST = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Price list, spring 2025 – Fennimore Garden Tools</title>
<style>
  body { font: 16px/1.5 Georgia, serif; max-width: 46em; margin: 2em auto; }
  table { border-collapse: collapse; width: 100%; }
  td, th { border-bottom: 1px solid #ccc; padding: .3em .6em; text-align: left; }
  td:last-child { text-align: right; }
</style>
<script>document.documentElement.dataset.visited = "nothing to read here";</script>
</head>
<body>
<h1>Fennimore Garden Tools</h1>
<p>Price list for spring 2025, valid from 1&nbsp;March to 31&nbsp;August. Prices in crowns,
including value added tax &amp; delivery on orders above 80&nbsp;crowns.</p>

<h2>Spades, forks and hoes</h2>
<table>
<tr><th>Item</th><th>Description</th><th>Price</th></tr>
<tr><td>S-101</td><td>Digging spade, forged head, ash handle 76&nbsp;cm</td><td>62.00</td></tr>
<tr><td>S-118</td><td>Border spade, small head for tight beds</td><td>54.50</td></tr>
<tr><td>F-204</td><td>Digging fork, four square tines</td><td>66.00</td></tr>
<tr><td>H-310</td><td>Swan-neck hoe, blade 14&nbsp;cm, for weeding between rows</td><td>38.90</td></tr>
</table>

<h2>Pruning</h2>
<table>
<tr><th>Item</th><th>Description</th><th>Price</th></tr>
<tr><td>P-402</td><td>Bypass secateurs, replaceable blade, for green wood up to 22&nbsp;mm</td><td>41.00</td></tr>
<tr><td>P-405</td><td>Anvil secateurs for dead wood</td><td>36.00</td></tr>
<tr><td>P-440</td><td>Folding saw, 180&nbsp;mm, pull stroke</td><td>33.50</td></tr>
<tr><td>P-477</td><td>Long-reach pruner, telescopic to 2.4&nbsp;m</td><td>118.00</td></tr>
</table>

<h2>Spare parts and sharpening</h2>
<p>Spare blades for secateurs cost 11.50 crowns, springs 2.20. Send us any of our blades and we
sharpen it for 6 crowns, free of charge in the first year. Ash handles are replaced while you wait
in the shop at Mill Lane.</p>

<h2>Terms</h2>
<ul>
<li>Private customers pay on ordering; trade customers within 30&nbsp;days.</li>
<li>Unused tools may be returned within 60&nbsp;days for a full refund.</li>
<li>Forged heads are guaranteed for 25&nbsp;years, handles for two.</li>
</ul>
<!-- Not for printing: the trade discount is agreed by telephone. -->
</body>
</html>
"""  # noqa: E501 - one row, one line

#: A task a page.  `@ title | interval | minutes | tools and parts`, then prose,
#: `-` steps, and `!` a warning.
MANUAL = """
& 1 Safety

@ Isolate the unit before any work | before every task | 5 | padlock, warning tag
The AX-400 has two supplies: the fans and the humidifier are fed separately. Switching off at the
control panel stops the fans but leaves the humidifier's cylinder live.
- Stop the unit at the panel and wait until both fans have come to rest, about ninety seconds.
- Turn both red isolators on the service side to 0 and fit your own padlock to each.
- Hang the tag with your name and the time on the panel.
- Try to start the unit. Nothing may move and no lamp may light.
! The capacitors of the fan drives hold a dangerous charge for five minutes after isolation.

@ Work inside a section | as needed | - | head lamp, second person
Sections longer than 1.2 metres count as confined spaces when the dampers are shut, because carbon
dioxide from the ducts gathers at the floor.
- Open the outside air damper by hand and leave it open for ten minutes.
- Wedge the door; the latches cannot be opened from the inside on units built before 2019.
- A second person stays at the door for as long as somebody is inside.
- Count the tools before and after.

@ Handle refrigerant leaks | in an emergency | - | leak detector, breathing set
The cooling circuit holds 14 kilograms of R-454B, which is mildly flammable and heavier than air.
A hissing sound, oil on the coil, or the gas alarm point to a leak.
- Leave the plant room and shut the door behind you. Do not switch anything on or off.
- Start the emergency ventilation with the yellow button outside the room.
- Call the refrigeration engineer on duty. Only certified persons may repair the circuit.
! Do not use a naked flame to look for leaks.

@ Lift heavy parts | as needed | - | chain hoist 500 kg, two slings
A fan with its motor weighs 186 kilograms, a heat wheel segment 74, a compressor 92.
- Fit the hoist to the marked beam above the section, never to the casing.
- Lead the slings below the centre of gravity, which is painted as a white cross.
- Lift by a hand's breadth, wait, and check that nothing slips.
- Move the load low and slowly, and never step under it.

& 2 Filters

@ Read the filter pressure gauges | weekly | 5 | note book
The difference in pressure across a filter tells how much dust it holds. Clean bag filters show about
90 pascals at full flow, panel filters 45.
- Let the unit run at full flow for at least ten minutes.
- Read the three gauges on the service side: panel, supply bags, extract bags.
- Write the values in the log with the date.
- Order new filters when a gauge passes 200 pascals, and change them before it passes 250.

@ Replace the panel filters | every 3 months | 15 | 4 panel filters G4 592 x 592, gloves
Panel filters keep leaves, insects and coarse dust from the bag filters. They are not washed.
- Isolate the unit and open door 1.
- Slide the panels out towards you and put them straight into a bag.
- Vacuum the frame, and look for tears in the rubber seal.
- Slide in the new panels. The arrow on the frame points into the unit.

@ Replace the supply bag filters | every 6 months | 30 | 4 bag filters F7 592 x 592 x 600, mask
To replace the filter bags without spreading their dust, work from the bottom row upwards and keep the
outside air damper shut.
- Isolate the unit, put on the mask and open door 2.
- Release the two clamps of each filter and fold its bags together before you pull.
- Clean the floor of the section and the sealing face with a damp cloth.
- Fit the new filters with the bags standing upright, and close the clamps until they click.
- Reset the filter timer: Menu, Service, Filters, Supply.
! A filter fitted with its bags lying flat sags into the coil within weeks.

@ Replace the extract bag filters | every 12 months | 30 | 4 bag filters M5 592 x 592 x 360
The extract air is cleaner than the outside air, so coarser and shorter bags are enough. They protect the
heat wheel, whose channels are only 1.6 millimetres wide.
- Isolate the unit and open door 9.
- Change the bags as described for the supply side.
- Look at the face of the heat wheel behind them. Grey fluff means that a filter was leaking.
- Reset the timer: Menu, Service, Filters, Extract.

@ Check filter frames for leakage | every 12 months | 20 | smoke pen, sealing tape
Air takes the easiest way. A gap of two millimetres around a frame lets through as much dust as the filter
holds back in a month.
- Run the fans at forty per cent, with door 2 shut and the inspection port open.
- Lead the smoke pen slowly around the frame.
- Where smoke is drawn in, renew the sealing strip on a clean, dry face.

@ Dispose of used filters | after each change | 10 | dust-tight bags, labels
Used filters may carry mould and pollen, and those from hospital units may carry germs.
- Close each bag with tape as soon as the filter is in it.
- Label it with the unit, the section and the date.
- Hand in bags from offices as commercial waste. Bags from hospitals and laboratories are incinerated.

& 3 Fans and motors

@ Inspect the fan impellers | every 6 months | 20 | lamp, soft brush
Dust on the blades makes a fan run out of balance long before it can be heard.
- Isolate the unit and wait five minutes for the drives to discharge.
- Turn the impeller by hand. It has to move freely, without scraping.
- Look along every blade for cracks at the weld and for deposits.
- Brush off loose dust. Wash sticky deposits with warm water and two per cent of mild soap.

@ Measure fan vibration | every 6 months | 15 | vibration meter
Vibration is measured on the bearing housing in three directions, at full speed.
- Fix the magnetic probe to the marked points V1 to V3.
- Below 2.8 millimetres per second is good. From 2.8 to 4.5, measure again every month.
- Above 4.5, stop the fan within a week, clean it and have it balanced.
- Above 7.1, stop the fan at once.

@ Grease the fan bearings | every 4000 hours | 15 | grease gun, lithium grease NLGI 2
Bearings fail more often from too much grease than from too little.
- Wipe the nipples clean, or you press dirt into the bearing.
- Give each bearing twelve grams while the shaft is turned by hand.
- Run the fan for ten minutes and wipe off what comes out of the seal.
- Write the hours of operation on the sticker beside the door.

@ Replace a fan bearing | when worn | 150 | puller, two bearings 6309-2RS, induction heater
Replace both bearings of a shaft, even if only one of them is noisy.
- Lift the fan out of the section and set it on trestles.
- Mark the hub on the shaft, loosen the grub screws, and draw off the impeller.
- Pull the old bearings by their inner rings.
- Heat the new ones to 110 degrees and push them on without a hammer.
- Measure vibration after an hour of running and again after a week.

@ Test motor insulation | every 12 months | 20 | insulation tester 500 V
Moist windings fail when they are started, not when they are at rest.
- Isolate the unit and disconnect the motor from its drive. The tester would destroy the drive.
- Measure each winding against earth for one minute.
- More than 100 megohms is good. Below 5, dry the motor before it is started again.

@ Set the fan speed | after changes to ducts | 40 | pressure meter, balancing report
The speed is set so that the pressure in the farthest duct is just enough. Every pascal more costs money for
the life of the unit: the power grows with the cube of the speed.
- Open all terminal devices to their design position.
- Lower the set point in steps of ten pascals until the farthest device shows ten per cent less than designed.
- Go back by one step and write down the value.

& 4 Belts and drives

@ Check belt tension | every 3 months | 10 | tension gauge
Units with a belt drive have two belts SPA 1432. A slack belt slips and burns; a tight one ruins the bearings.
- Isolate the unit and take off the guard.
- Press the gauge on the middle of the longer span until it gives by eight millimetres.
- The force should be 25 to 32 newtons. New belts: 38, and again after a day.

@ Replace the drive belts | every 12 months | 45 | 2 belts SPA 1432, straight edge
Belts are replaced as a pair from the same batch, as their lengths differ between batches.
- Slacken the four bolts of the motor rail and move the motor towards the fan.
- Take the old belts off. Never lever them over the rim.
- Inspect the grooves. If a new belt sits deeper than the rim, the pulley is worn.
- Lay the straight edge across both pulleys. It has to touch at four points.
- Tension the belts, refit the guard, and tension them again after 24 hours.

@ Align the pulleys | after any work on the drive | 30 | laser or straight edge, shims
Misalignment of one degree halves the life of the belts. It shows as black dust below the guard.
- Correct the angle of the motor with shims below its feet.
- Correct the offset by moving the motor pulley on its taper bush.
- Tighten the bush crosswise to 20 newton metres and check again.

@ Read the frequency drive's fault log | when a fan stops | 10 | -
The drive keeps the last ten faults with their hours. Most are caused by the mains and not by the fan.
- Press OK for three seconds and choose LOG.
- F1 overcurrent: the impeller is blocked or the ramp is too short. F4 overvoltage: lengthen the ramp down.
- F7 earth fault: test the insulation of the motor. F12 temperature: clean the heat sink and its small fan.
- Reset a fault once. If it comes back within an hour, find the cause.

@ Replace the drive's cooling fan | every 5 years | 20 | fan kit 060F
The small fan that cools the frequency drive has a life of about 40,000 hours.
- Isolate the unit and wait until the red lamp of the drive has gone out.
- Press the two clips together and swing the fan out.
- Unplug it, plug in the new one, and check that the arrow points upwards.

& 5 Coils

@ Clean the heating coil | every 12 months | 60 | vacuum cleaner, fin comb
The heating coil stands behind the bag filters and stays clean if they were sealed.
- Let the coil cool to below 40 degrees.
- Vacuum along the fins, never across them.
- Straighten bent fins with the comb, ten fins to the inch.

@ Clean the cooling coil | every 12 months | 90 | low-pressure sprayer, coil cleaner pH 9
The cooling coil is wet for half of the year, so dust turns into slime in which germs grow.
- Spray the cleaner from the clean side and leave it to work for ten minutes.
- Rinse with water at no more than five bar, from the clean side to the dirty one.
- Check that the water runs off through the drain and does not stand in the tray.
- Run the fans for an hour to dry the coil before the unit is left standing.
! A high-pressure cleaner folds the fins flat, and the coil has to be replaced.

@ Bleed the coils | in autumn, after filling | 15 | bleed key, cup
Air in a coil shows as a cold upper corner and a gurgling sound.
- Stop the pump and wait for a minute.
- Open the bleed valve at the highest header by half a turn, until water comes without bubbles.
- Top up the system to 1.8 bar and start the pump.

@ Test the frost protection | every autumn | 20 | cold spray, thermometer
If the frost thermostat fails, a coil full of water bursts within twenty minutes on a cold night.
- Run the unit with the outside air damper open.
- Spray the capillary until the thermostat trips. It is set to 5 degrees.
- The damper has to shut, the fans to stop, the heating valve to open fully and the alarm to be shown.
- Reset by hand, and write the result in the log. A unit that fails this test must not run in frost.

@ Drain the coils for winter | before long standstill | 45 | hose, air compressor
Water that is left in a bend is enough to split it.
- Shut both stop valves and open the drain and the vent.
- Blow the coil through with air at two bar until no more mist comes out.
- Leave the drain open and hang a tag on the pump.

@ Check the glycol in the run-around coils | every 12 months | 15 | refractometer, pH strips
The mixture is thirty per cent propylene glycol, good to minus 13 degrees. It ages and turns acid.
- Take a sample from the filling valve after the pump has run for ten minutes.
- Top up with ready mixture, never with water alone.
- Replace the filling if its pH is below 7.5 or if it smells sharp.

& 6 Heat recovery

@ Inspect the heat wheel | every 6 months | 20 | lamp, mirror
The wheel turns ten times a minute and recovers four fifths of the heat in the extract air.
- Look through the port on either side while it turns slowly in service mode.
- The channels must be open and the face flat. A dent of two channels does no harm.
- Watch the edge against the casing for one turn. It may run out by three millimetres.

@ Clean the heat wheel | when blocked | 120 | vacuum cleaner, compressed air at 4 bar
Measure the pressure across the wheel first; cleaning pays off above 220 pascals.
- Set the wheel to service mode, in which it turns once in two minutes.
- Vacuum the inlet face while it turns past the nozzle.
- Blow stubborn dust from the other face, holding the lance at least ten centimetres away.
- Never wash a sorption wheel. Its coating dissolves.

@ Replace the wheel's belt | every 3 years | 60 | link belt 8 m, pliers
The belt runs round the rim and is joined from links, so the wheel does not have to be taken out.
- Fasten the new belt to the old one and pull it round by turning the wheel.
- Take out links until the tensioner stands in the middle of its slot.
- Run the wheel for an hour. Belts stretch, so take out one more link after a week.

@ Adjust the wheel's seals | every 12 months | 45 | feeler gauge
The brush seals keep extract air from leaking into the supply. In hospitals this is a question of hygiene.
- Turn the wheel by hand to the spot where it comes nearest to the casing.
- Set the brushes so that they just touch there.
- Check the purge sector: it must lie on the supply side, after the wheel in the direction of turning.

@ Test the wheel's rotation guard | every 6 months | 5 | -
A magnet on the rim passes a sensor once in each turn. If it stops passing, the unit reports that the wheel has
stopped.
- Take the belt off the motor pulley while the wheel is running.
- The alarm has to appear within ninety seconds.
- Put the belt back and acknowledge the alarm.

& 7 Dampers

@ Check the damper blades | every 6 months | 15 | lamp
Blades that do not shut waste heat all night and let a coil freeze.
- Drive each damper to 0 and to 100 per cent by hand from the menu.
- When shut, no light may be seen between the blades.
- Listen for creaking. Dry bearings get two drops of silicone oil.

@ Replace a damper actuator | when defective | 30 | actuator 10 Nm, key 8 mm
Actuators with a spring return close without current. The others stay where they are.
- Note the direction of turning and the position of the blades.
- Loosen the clamp, take the actuator off its shaft, and unplug it.
- Fit the new one with the blades shut and the actuator at 5 degrees, so that it presses them together.
- Teach it: hold its button for three seconds and let it drive both ways.

@ Lubricate the linkages | every 12 months | 10 | silicone spray
The rods that join two dampers wear at their ball joints.
- Wipe the joints clean, spray them and move the rod by hand.
- Replace a joint that has more than one millimetre of play.

@ Test the fire dampers | every 12 months | 60 | key, test record
Fire dampers in the ducts belong to the building, but they stop the unit by its fire input.
- Tell the fire alarm centre before you begin and after you have finished.
- Release each damper. It has to shut within thirty seconds and show so at the panel.
- Reset it, check that it is fully open, and sign the record.
! Never replace a thermal link by wire. It is a criminal offence, and people have died of it.

& 8 Humidifier

@ Replace the steam cylinder | every 1500 hours | 30 | cylinder CY-17, O-ring set
The water's minerals stay in the cylinder until its electrodes are covered. Hard water halves its life.
- Start the drain from the menu and wait until the cylinder is empty and cool.
- Isolate both supplies. Pull the plugs off the electrodes; they are marked 1 to 3.
- Lift the cylinder out of its seat, clean the strainer below it, and wet the new O-rings.
- Set in the new cylinder, plug in the electrodes, and reset its hours.
! The cylinder is filled with water at 100 degrees while it works. Let it cool.

@ Clean the steam lance | every 6 months | 20 | descaler, brush
A blocked lance spits water into the duct, and mould follows.
- Pull off the steam hose and unscrew the flange.
- Lay the lance into descaler for an hour and rinse it.
- The nozzles point upwards when it is fitted. The hose must fall towards the cylinder without a sag.

@ Check the fill and drain valves | every 6 months | 15 | cup, stop watch
- Start the filling from the menu and measure: 1.2 litres a minute, give or take a fifth.
- Drain, and measure: at least four litres a minute.
- Clean the strainer of the filling valve if it gives less.
A valve that drips when it is shut fills the cylinder at night and floods the tray.

@ Take a hygiene sample | every 6 months | 20 | sterile bottles, cool box
The operator of a humidifier is bound by law to have its water tested twice a year.
- Take half a litre from the tray and half a litre from the fill valve, without touching the rim.
- Keep the bottles below 6 degrees and bring them to the laboratory within a day.
- More than 1,000 colonies in a millilitre: clean and disinfect. More than 10,000: stop humidifying at once.

& 9 Drainage

@ Clean the condensate tray | every 3 months | 15 | brush, disinfectant tablets
The tray slopes towards its drain from all four sides. Standing water is a sign of slime or of a unit that is
not level.
- Brush the tray and rinse it with five litres of water.
- Put in a tablet that is approved for air handling units. Household bleach eats the aluminium.

@ Fill the siphon | every spring | 5 | water
A dry siphon lets the fan suck air through the drain, and condensate is blown into the section instead of running
away.
- Unscrew the ball trap and check that the ball moves.
- Fill it with water up to the brim, and with glycol mixture where it may freeze.
- With the fan running, hold a strip of paper to the outlet. It must not be drawn in.

@ Test the flood sensor | every 12 months | 5 | cup of water
- Pour a cup of water on the floor beside the sensor.
- The humidifier and the cooling valve have to close within ten seconds, and the alarm to be shown.
- Dry the floor and the sensor's pins with a cloth.
Sensors fail most often because dust bridges their pins, which shows as a false alarm on damp days.

& 10 Sensors and controls

@ Check the temperature sensors | every 12 months | 30 | reference thermometer
Compare each sensor with the reference after both have been in the air stream for ten minutes.
- A difference of up to 0.5 kelvin is corrected in the menu, Service, Offsets.
- Beyond that, replace the sensor. It has a resistance of 1,000 ohms at 0 degrees.
- The outside sensor must hang in the shade. In the sun it reads up to 15 kelvin too high.

@ Calibrate the humidity sensor | every 12 months | 40 | salt capsules 33 and 75 per cent
Humidity sensors drift by about one per cent a year, and faster where solvents are used.
- Put the sensor in the chamber with the 33 per cent salt and wait for twenty minutes.
- Store the low point, change to the 75 per cent salt, and store the high point.
- If a point is off by more than eight per cent, replace the element.

@ Calibrate the carbon dioxide sensor | every 24 months | 30 | test gas 400 ppm
The sensor corrects itself as long as the building is empty for some hours each week. In buildings that are always in
use it must be calibrated by hand.
- Lead the gas over the sensor for five minutes at half a litre a minute.
- Choose Service, CO2, Zero, and wait for the tick.

@ Zero the pressure sensors | every 12 months | 10 | -
- Stop the fans and wait for two minutes.
- Pull both hoses off the sensor and press ZERO.
- Blow through the hoses towards the duct, look for cracks near the nipples, and push them on again.
Water in a hose shows as a reading that swings slowly. Hoses have to fall towards the duct.

@ Back up the controller | after each change | 10 | USB stick
The controller loses its settings if it is replaced, and the settings of a balanced unit are worth days of work.
- Put the stick into the panel and choose Service, Backup, Save.
- Name the file after the unit and the date, and keep a copy away from the plant room.
- Restore it once a year on a spare controller. A backup that was never read is none.

@ Replace the controller's battery | every 5 years | 10 | battery CR2032
The battery keeps the clock and the log through a power cut. The settings do not need it.
- Leave the controller under voltage while you change the battery, or the log is lost.
- Set the clock, and check that the time programme is right for summer time.

& 11 Electrical

@ Tighten the terminals | every 24 months | 60 | torque screwdriver, thermal camera
Copper creeps. Terminals that were tight when the unit was built are not so after some summers.
- Look at the cabinet with the camera at full load first. A terminal that is 15 kelvin warmer than its neighbours is loose.
- Isolate, prove that it is dead, and tighten to the values printed inside the door.

@ Test the residual current devices | every 6 months | 10 | RCD tester
- Press the test button of each device. It has to trip at once.
- Once a year, measure the time with the tester: less than 300 milliseconds at the rated current.
Drives leak current to earth by their filters. If a device trips for no reason, check that it is of type B.

& 12 Casing and intake

@ Clean the outside air intake | every 3 months | 20 | ladder, broom, gloves
The bird screen behind the louvre clogs with leaves in autumn and with poplar fluff in May.
- Unhook the screen, brush it off over a bag, and hook it in again.
- Look for nests. A nest with eggs stays until it has been left; call the manager of the building.
- Check that rain which was blown in can run out of the intake chamber.

@ Check the door seals | every 12 months | 20 | strip of paper, silicone grease
A leaking door on the suction side draws in the warm air of the plant room and nobody notices.
- Shut the door on a strip of paper at eight places. It has to resist when you pull.
- Turn the hinges' eccentric by an eighth where it does not.
- Rub the seals with a little grease, so that they do not stick in frost.

@ Treat damaged paint | every 12 months | 60 | wire brush, zinc primer, top coat
Units on a roof near the sea rust first at the drip edges and below the feet.
- Brush the spot down to bright metal and a finger's breadth beyond.
- Prime within the hour and paint twice on a dry day above 8 degrees.

@ Start the unit after a long standstill | as needed | 90 | log, thermometer
After more than four weeks at rest a unit is cleaned before anybody breathes its air.
- Fill the siphons, the coils and the humidifier, in this order, and bleed the coils.
- Turn both fans and the wheel by hand before you switch them on.
- Run the unit for an hour with the extract air led outside, and smell the supply air.
- Check the frost protection and enter the values of every gauge in the log.
"""  # noqa: E501 - one step, one line

TROUBLE = [
    (
        "The unit does not start",
        "Fire input open; frost alarm not reset; time programme",
    ),
    (
        "Supply air too cold",
        "Heating valve stuck; pump stopped; heat wheel not turning",
    ),
    (
        "Supply air too warm",
        "Cooling not released; coil dirty; outside sensor in the sun",
    ),
    (
        "Too little air",
        "Filters full; belt slipping; damper shut; fan turning backwards",
    ),
    ("Fan is loud", "Impeller dirty; bearing worn; loose panel; speed at a resonance"),
    ("Water below the unit", "Siphon dry or blocked; tray dirty; unit not level"),
    ("Musty smell", "Tray or humidifier fouled; filters wet; unit left standing wet"),
    (
        "Humidity not reached",
        "Cylinder used up; fill valve blocked; too much outside air",
    ),
    ("Heat wheel alarm", "Belt off or torn; sensor displaced; motor fuse blown"),
    ("Filter alarm after a change", "Timer not reset; hose off the pressure sensor"),
]

PARTS = [
    ("AX-1001", "Panel filter G4 592 x 592 x 48", "4"),
    ("AX-1002", "Bag filter F7 592 x 592 x 600", "4"),
    ("AX-1003", "Bag filter M5 592 x 592 x 360", "4"),
    ("AX-2010", "Fan bearing 6309-2RS", "4"),
    ("AX-2044", "Drive belt SPA 1432, pair", "1"),
    ("AX-2060", "Drive cooling fan kit 060F", "2"),
    ("AX-3107", "Link belt for heat wheel, 8 m", "1"),
    ("AX-3120", "Brush seal set", "1"),
    ("AX-4001", "Damper actuator 10 Nm, spring return", "2"),
    ("AX-5017", "Steam cylinder CY-17", "1"),
    ("AX-5018", "O-ring set for CY-17", "1"),
    ("AX-6003", "Temperature sensor Pt1000", "6"),
    ("AX-6011", "Humidity element", "2"),
    ("AX-6090", "Battery CR2032", "1"),
]

DELIVERY_NOTE = [
    "HARROW & LUNT GLASSWORKS",
    "",
    "DELIVERY NOTE  No. 88-1407",
    "Date: 11 March 2025",
    "To:   Tamarind Foods plc, Lower Hask",
    "",
    "12 pallets  jar, hexagonal, 370 ml   28 080 pcs",
    " 2 pallets  jar, round, 720 ml        2 160 pcs",
    " 1 pallet   closures, 63 mm          48 000 pcs",
    "",
    "Pallet 9: shrink wrap torn, 14 jars broken.",
    "Seal intact on all the others.",
    "",
    "Received in good order, except as noted:",
    "",
    "        T. Hale, warehouse",
]


def main(folder: Path = HERE) -> None:
    """Write every sample below `folder`, over what is there."""
    for name, make in SAMPLES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make())


def style(name: str, size: float, **options: Any) -> ParagraphStyle:
    options = {"fontName": "Times-Roman", "textColor": INK} | options
    return ParagraphStyle(name, fontSize=size, leading=size * 1.4, **options)


BODY = style("body", 10.5, spaceAfter=7, alignment=4)
TITLE = style("title", 22, fontName="Helvetica-Bold", spaceAfter=16)
HEADING = style(
    "heading",
    12.5,
    fontName="Helvetica-Bold",
    spaceBefore=10,
    spaceAfter=5,
    keepWithNext=1,
)
PLAIN = style("plain", 11, fontName="Helvetica", spaceAfter=7)
SMALL = style("small", 9, fontName="Helvetica", textColor=SOFT, spaceAfter=4)


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each paragraph of `text` with what it is: title, heading or body."""
    for block in text.strip().split("\n\n"):
        mark, _, rest = block.partition(" ")
        kind = {"#": "title", "##": "heading"}.get(mark)
        yield (kind, rest) if kind else ("body", block)


def joined(text: str) -> str:
    return " ".join(text.split())


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def pdf(
    story: list[Any],
    templates: list[PageTemplate],
    *,
    title: str,
    author: str,
    **options: Any,
) -> bytes:
    made = io.BytesIO()
    document = BaseDocTemplate(
        made,
        pagesize=templates[0].pagesize or A4,
        title=title,
        author=author,
        invariant=1,
        **options,
    )
    document.addPageTemplates(templates)
    document.build(story)
    return made.getvalue()


def page_template(
    left: str,
    *,
    margin: float = 25 * mm,
    size: tuple[float, float] = A4,
    numbered: bool = True,
) -> PageTemplate:
    width, height = size

    def foot(canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.saveState()
        canvas.setStrokeColor(LINE)
        canvas.line(margin, 17 * mm, width - margin, 17 * mm)
        canvas.setFont("Helvetica", 8)
        canvas.setFillColor(SOFT)
        canvas.drawString(margin, 12.5 * mm, left)
        if numbered:
            canvas.drawRightString(
                width - margin, 12.5 * mm, f"{canvas.getPageNumber()}"
            )
        canvas.restoreState()

    frame = Frame(margin, 22 * mm, width - 2 * margin, height - 44 * mm, 0, 0, 0, 0)
    return PageTemplate(id="page", frames=[frame], onPage=foot, pagesize=size)


def prose(text: str, styles: dict[str, ParagraphStyle]) -> list[Any]:
    return [
        Paragraph(escaped(joined(block)), styles[kind]) for kind, block in blocks(text)
    ]


def services_agreement() -> bytes:
    story = prose(
        SERVICES_AGREEMENT, {"title": TITLE, "heading": HEADING, "body": BODY}
    )
    return pdf(
        story,
        [
            page_template(
                "Northbridge Analytics / Tamarind Foods - Master Services Agreement"
            )
        ],
        title="Master Services Agreement",
        author="Northbridge Analytics Limited",
    )


def welcome_letter() -> bytes:
    heading = style("letter head", 17, fontName="Times-Italic", spaceAfter=26)
    story = prose(
        WELCOME_LETTER, {"title": heading, "body": style("b", 12, spaceAfter=9)}
    )
    return pdf(
        story,
        [
            page_template(
                "Ellery Reading Room, 3 Canal Street, Port Ellery", numbered=False
            )
        ],
        title="Welcome to the Reading Room",
        author="Oona Brandt",
    )


def study() -> bytes:
    width, height = A4
    margin, gap, head = 18 * mm, 8 * mm, 24 * mm
    column = (width - 2 * margin - gap) / 2
    foot = page_template("Building Physics Notes 41 (2025)", margin=margin).onPage

    def frames(top: float) -> list[Frame]:
        tall = height - 22 * mm - top
        return [
            Frame(x, 22 * mm, column, tall, 0, 0, 0, 0)
            for x in (margin, margin + column + gap)
        ]

    banner = Frame(
        margin, height - 20 * mm - head, width - 2 * margin, head, 0, 0, 0, 0
    )
    first = PageTemplate("first", [banner, *frames(22 * mm + head)], onPage=foot)
    rest = PageTemplate("rest", frames(20 * mm), onPage=foot)

    narrow = style("narrow", 9.5, spaceAfter=5, alignment=4)
    heading = style(
        "h",
        10.5,
        fontName="Helvetica-Bold",
        spaceBefore=6,
        spaceAfter=3,
        keepWithNext=1,
    )
    (_, title), (_, authors), *text = blocks(STUDY)
    story: list[Any] = [
        Paragraph(title, style("t", 19, fontName="Helvetica-Bold", spaceAfter=6)),
        Paragraph(authors, SMALL),
        FrameBreak(),
        NextPageTemplate("rest"),
    ]
    for kind, block in text:
        if block == "4. Discussion":
            story += [drying_curves(column), Paragraph(FIGURE, SMALL)]
        story.append(Paragraph(joined(block), heading if kind == "heading" else narrow))
    return pdf(story, [first, rest], title=title, author="L. Marchetti et al.")


FIGURE = (
    "Figure 1. Mean moisture content at the sole plate, in per cent of dry mass, over "
    "days since the leak. From the top: foil, intelligent membrane, open membrane."
)


def drying_curves(width: float) -> Drawing:
    drawing = Drawing(width, 130)
    plot = LinePlot()
    plot.x, plot.y, plot.width, plot.height = 24, 22, width - 34, 100
    days = range(0, 141, 10)
    plot.data = [
        [(day, low + (66 - low) * 0.5 ** (day / half)) for day in days]
        for low, half in ((31, 18), (11, 24), (11, 13))
    ]
    for number, colour in enumerate(("#b3423a", "#c08a2b", "#2f6fb0")):
        plot.lines[number].strokeColor = HexColor(colour)
        plot.lines[number].strokeWidth = 1.4
    plot.xValueAxis.valueSteps = [0, 35, 70, 105, 140]
    plot.yValueAxis.valueMin, plot.yValueAxis.valueMax = 0, 70
    plot.yValueAxis.valueStep = 20
    for axis in (plot.xValueAxis, plot.yValueAxis):
        axis.labels.fontName, axis.labels.fontSize = "Helvetica", 7
        axis.strokeColor = SOFT
    drawing.add(plot)
    drawing.add(String(width - 30, 2, "days", fontName="Helvetica", fontSize=7))
    return drawing


def japanese_rules() -> bytes:
    # The font is not embedded: readers have their own, and the text is Unicode.
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiKakuGo-W5"))
    sans = {"fontName": "HeiseiKakuGo-W5", "wordWrap": "CJK"}
    styles = {
        "title": style("jt", 20, spaceAfter=14, **sans),
        "heading": style("jh", 13, spaceBefore=10, spaceAfter=5, **sans),
        "body": style("jb", 11, fontName="HeiseiMin-W3", wordWrap="CJK", spaceAfter=8),
    }
    story = [
        Paragraph(escaped(block).replace("\n", "<br/>"), styles[kind])
        for kind, block in blocks(JAPANESE_RULES)
    ]
    return pdf(
        story,
        [page_template("Minato Works")],
        title="就業規則",
        author="株式会社みなと製作所",
    )


def manual() -> bytes:
    heading = style("task", 16, fontName="Helvetica-Bold", spaceAfter=8)
    story: list[Any] = [
        Spacer(1, 40 * mm),
        Paragraph("AX-400", style("cover", 54, fontName="Helvetica-Bold")),
        Spacer(1, 30),
        Paragraph("Air handling unit", style("cover 2", 22, fontName="Helvetica")),
        Spacer(1, 10),
        Paragraph(
            "Maintenance manual, edition 7",
            style("c3", 14, fontName="Helvetica", textColor=SOFT),
        ),
        Spacer(1, 60 * mm),
        Paragraph(
            "Halvorsen Air, Mill Lane 40, Lower Hask. Document AX-400-M-07", SMALL
        ),
        PageBreak(),
    ]
    chapters = list(tasks())
    story += [
        Paragraph("How to use this manual", heading),
        Paragraph(
            "Each task has a page of its own, so that you can take the page with you. "
            "At its top you find how often the task is due, how long it takes one "
            "trained person, and what you need. The intervals hold for offices. Halve "
            "them for kitchens, workshops and buildings beside busy roads.",
            PLAIN,
        ),
        Paragraph(
            "Work that is marked as needing a certified person is not described here. "
            "Keep the log on the last page up to date: the guarantee depends on it.",
            PLAIN,
        ),
        Spacer(1, 8),
        contents(chapters),
        PageBreak(),
    ]
    for chapter, title, facts, body in chapters:
        story += [
            Paragraph(escaped(chapter).upper(), SMALL),
            Paragraph(escaped(title), heading),
            grid([("Interval", "Minutes", "Tools and parts"), facts], (33, 17, 70)),
            Spacer(1, 10),
            *body,
            PageBreak(),
        ]
    story += [
        Paragraph("Troubleshooting", heading),
        Paragraph("Look for the simple causes first; they are named first.", PLAIN),
        grid([("What you notice", "What it may be"), *TROUBLE], (44, 76)),
        PageBreak(),
        Paragraph("Spare parts", heading),
        Paragraph("Give the serial number of the unit with every order.", PLAIN),
        grid([("Number", "Part", "Per unit"), *PARTS], (22, 78, 20)),
        PageBreak(),
        Paragraph("Service log", heading),
        Paragraph("Photocopy this page before it is full.", PLAIN),
        grid(
            [("Date", "Task", "Findings", "Name"), *[("",) * 4] * 16], (20, 34, 44, 22)
        ),
    ]
    return pdf(
        story,
        [page_template("AX-400 maintenance manual", margin=14 * mm, size=A5)],
        title="AX-400 air handling unit: maintenance manual",
        author="Halvorsen Air",
    )


def tasks() -> Iterator[tuple[str, str, tuple[str, ...], list[Any]]]:
    """Chapter, title, facts and body of each task in the manual."""
    chapter = ""
    warning = style(
        "warning",
        11,
        fontName="Helvetica-Bold",
        backColor=TINT,
        borderPadding=8,
        spaceBefore=14,
        leftIndent=8,
        rightIndent=8,
    )
    step = style("step", 11, fontName="Helvetica", leftIndent=18, spaceAfter=6)
    for block in MANUAL.strip().split("\n\n"):
        if block.startswith("& "):
            chapter = block[2:]
            continue
        head, *lines = block.splitlines()
        title, *facts = (part.strip() for part in head[2:].split("|"))
        body: list[Any] = []
        number = 0
        for line in sentences(lines):
            if line.startswith("- "):
                number += 1
                body.append(Paragraph(escaped(line[2:]), step, bulletText=f"{number}."))
            elif line.startswith("! "):
                body.append(Paragraph(f"Warning. {escaped(line[2:])}", warning))
            else:
                body.append(Paragraph(escaped(line), PLAIN))
        yield chapter, title, tuple(facts), body


def sentences(lines: list[str]) -> list[str]:
    """The lines, those of one paragraph joined."""
    made: list[str] = []
    for line in lines:
        listed = line.startswith(("- ", "! "))
        if made and not listed and not made[-1].startswith(("- ", "! ")):
            made[-1] += f" {line}"
        else:
            made.append(line)
    return made


def contents(chapters: list[tuple[str, str, tuple[str, ...], list[Any]]]) -> Table:
    first = {
        chapter: page
        for page, (chapter, *_) in reversed(list(enumerate(chapters, start=3)))
    }
    last = 3 + len(chapters)
    rows = sorted((page, chapter) for chapter, page in first.items())
    rows += [
        (last, "Troubleshooting"),
        (last + 1, "Spare parts"),
        (last + 2, "Service log"),
    ]
    return grid(
        [("Chapter", "Page"), *((title, str(page)) for page, title in rows)], (104, 16)
    )


def grid(rows: list[tuple[str, ...]], widths: tuple[int, ...]) -> Table:
    cell = style("cell", 9.5, fontName="Helvetica")
    bold = style("bold", 9.5, fontName="Helvetica-Bold")
    table = Table(
        [
            [Paragraph(escaped(text), cell if number else bold) for text in row]
            for number, row in enumerate(rows)
        ],
        colWidths=[width * mm for width in widths],
        rowHeights=[24] * len(rows) if rows[-1] == ("",) * 4 else None,
        repeatRows=1,
        hAlign="LEFT",
    )
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), TINT),
                ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table


def scan() -> bytes:
    """A page that is a picture of text, a little crooked, as scanners make them."""
    chance = random.Random(1407)
    page = Image.new("L", (1240, 1754), 250)
    draw = ImageDraw.Draw(page)
    font_file = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
    large, normal = (ImageFont.truetype(str(font_file), size) for size in (44, 30))
    for number, line in enumerate(DELIVERY_NOTE):
        draw.text(
            (130, 180 + 62 * number), line, 40, large if number in (0, 2) else normal
        )
    draw.line((130, 1190, 760, 1190), 60, 2)
    draw.rectangle((820, 1080, 1090, 1220), outline=90, width=4)
    draw.text((850, 1125), "RECEIVED", 90, normal)
    page = page.rotate(-0.7, Image.Resampling.BICUBIC, fillcolor=250)
    for _ in range(500):
        x, y = chance.randrange(1240), chance.randrange(1754)
        page.putpixel((x, y), chance.randrange(90, 200))
    page = page.filter(ImageFilter.GaussianBlur(0.7))

    made = io.BytesIO()
    canvas = Canvas(made, pagesize=A4, invariant=1)
    canvas.setTitle("Scan 2025-03-11")
    canvas.drawInlineImage(page.quantize(16).convert("L"), 0, 0, *A4)
    canvas.save()
    return made.getvalue()


def docx_bytes(document: Any, *, title: str, author: str) -> bytes:
    """The document as a .docx whose bytes depend on its content alone."""
    properties = document.core_properties
    properties.title, properties.author = title, author
    properties.created = properties.modified = WRITTEN
    saved, made = io.BytesIO(), io.BytesIO()
    document.save(saved)
    with (
        zipfile.ZipFile(saved) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            # The entry's date would be the present.
            entry = zipfile.ZipInfo(name, date_time=WRITTEN.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, source.read(name))
    return made.getvalue()


def word(text: str) -> Any:
    document = docx.Document()
    document.styles["Normal"].font.size = Pt(11)
    for kind, block in blocks(text):
        if kind == "body":
            document.add_paragraph(joined(block))
        else:
            document.add_heading(joined(block), 0 if kind == "title" else 1)
    return document


def supply_agreement() -> bytes:
    document = word(SUPPLY_AGREEMENT)
    document.add_heading("Annex: volumes and prices", 1)
    document.add_paragraph("Yearly volume in pieces, price in crowns for one piece.")
    table = document.add_table(rows=1, cols=3, style="Light Grid Accent 1")
    for row in [("Article", "Volume", "Price"), *PRICES]:
        cells = table.rows[0].cells if row[0] == "Article" else table.add_row().cells
        for cell, text in zip(cells, row, strict=True):
            cell.text = text
    return docx_bytes(
        document, title="Supply Agreement", author="Harrow & Lunt Glassworks"
    )


def minutes() -> bytes:
    return docx_bytes(word(MINUTES), title="Works council minutes", author="Li Wen")


def arabic_notice() -> bytes:
    document = word(ARABIC_NOTICE)
    for paragraph in document.paragraphs:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT  # the start, which is right
        paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))
        for run in paragraph.runs:
            run._r.get_or_add_rPr().append(OxmlElement("w:rtl"))
    return docx_bytes(document, title="إشعار إلى السكان", author="إدارة المبنى")


def encrypted() -> bytes:
    text = "# Salaries 2025\n\nThis page is for the board. Nobody else should read it."
    return pdf(
        prose(text, {"title": TITLE, "body": BODY}),
        [page_template("Confidential")],
        title="Salaries",
        author="Tamarind Foods plc",
        encrypt=StandardEncryption(PASSWORD, ownerPassword=PASSWORD, strength=128),
    )


def truncated() -> bytes:
    """The first third of a PDF, as a broken download leaves it."""
    whole = services_agreement()
    return whole[: len(whole) // 3]


SAMPLES: dict[str, Callable[[], bytes]] = {
    "samples/board-minutes.docx": minutes,
    "samples/delivery-note-scan.pdf": scan,
    "samples/insulation-study.pdf": study,
    "samples/integration-guide.md": GUIDE.encode,
    "samples/maintenance-manual.pdf": manual,
    "samples/notice-ar.docx": arabic_notice,
    "samples/price-list.html": PRICE_LIST.encode,
    "samples/services-agreement.pdf": services_agreement,
    "samples/supply-agreement.docx": supply_agreement,
    "samples/welcome-letter.pdf": welcome_letter,
    "samples/work-rules-ja.pdf": japanese_rules,
    "samples/письмо жильцу.txt": lambda: RUSSIAN_LETTER.encode("cp1251"),
    "samples-that-fail/empty.pdf": bytes,
    "samples-that-fail/encrypted.pdf": encrypted,
    "samples-that-fail/truncated.pdf": truncated,
}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
