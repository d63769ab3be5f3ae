#!/usr/bin/env bash
# sample.sh anomalous|healthy DIRECTORY
#
# Makes a day of a retailer in DIRECTORY: orders.csv, inventory.csv, and expected.json, the figures that the report must
# find, summed up here in thousandths while the lines are written. The same bytes on every machine.
#
# anomalous: five orders of 420, 180, 980, 220 and 140 and two returns: revenue 1940.00 is below 2000.00, the return
#            rate 0.4000 above 0.25, one product is low.
# healthy:   320 orders over a working day and a few returns.
# Both with what real exports are like: quoted commas and quotes, missing customers, free samples, corrections with a
# negative quantity, lines that cannot be read.
set -euo pipefail

kind=${1:?sample.sh anomalous|healthy DIRECTORY} directory=${2:?sample.sh anomalous|healthy DIRECTORY}
mkdir -p "$directory"

revenue=0 refunds=0 items=0 lines=0 bad=0   # money in thousandths
declare -A orders=() returns=()

# line INVOICE CODE DESCRIPTION QUANTITY TIME PRICE-IN-THOUSANDTHS CUSTOMER COUNTRY
line() {
  local amount=$((${4#-} * $6)) price
  printf -v price '%d.%03d' $(($6 / 1000)) $(($6 % 1000))
  price=${price%0}   # most prices have two digits
  printf '%s,%s,%s,%s,%s,%s,%s,%s\r\n' "$1" "$2" "$3" "$4" "12/1/10 $5" "$price" "$7" "$8"
  lines=$((lines + 1))
  if [[ $1 == C* ]]; then
    returns[$1]=1 refunds=$((refunds + amount))
  else
    orders[$1]=1
    if (($4 > 0 && $6 > 0)); then revenue=$((revenue + amount)) items=$((items + $4)); fi
  fi
}
broken() { printf '%s\r\n' "$1"; lines=$((lines + 1)) bad=$((bad + 1)); }
header() { printf 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n'; }

anomalous() {
  header
  line 536365 SKU-AA1 'DESK LAMP BRASS' 10 8:26 42000 17850 'United Kingdom'
  line 536366 SKU-BB1 '"TEA SET, 4 CUPS"' 4 8:41 45000 '' France
  line 536367 SKU-AA1 'DESK LAMP BRASS' 20 9:34 49000 13047 'United Kingdom'
  line 536367 SKU-GIFT 'FREE SAMPLE' 1 9:34 0 13047 'United Kingdom'
  line 536368 SKU-CC1 '"RECORD FRAME 7"" SINGLE"' 11 10:02 20000 13047 Germany
  broken '536368,SKU-CC1,"A QUOTE THAT IS NEVER CLOSED,1,12/1/10 10:02,20.00,13047,Germany'
  line 536369 SKU-BB1 '"TEA SET, 4 CUPS"' 4 11:45 35000 15291 'United Kingdom'
  line 536369 SKU-CC1 'damaged' -3 11:45 0 '' 'United Kingdom'
  broken '536369,SKU-CC1,MISKEYED,a few,12/1/10 11:45,20.00,15291,United Kingdom'
  line C536379 SKU-BB1 '"TEA SET, 4 CUPS"' -1 12:10 45000 15291 'United Kingdom'
  line C536383 SKU-CC1 '"RECORD FRAME 7"" SINGLE"' -2 12:49 20000 13047 Germany
}
anomalous_inventory() { printf 'StockCode,OnHand,ReorderLevel\nSKU-AA1,40,10\nSKU-BB1,3,5\nSKU-CC1,12,5\n'; }

names=('WHITE HANGING HEART T-LIGHT HOLDER' 'WHITE METAL LANTERN' 'CREAM CUPID HEARTS COAT HANGER'
       'KNITTED UNION FLAG HOT WATER BOTTLE' '"TRAY, BREAKFAST IN BED"' 'GLASS STAR FROSTED T-LIGHT HOLDER'
       '"RECORD FRAME 7"" SINGLE SIZE "' 'HAND WARMER UNION JACK' 'POPPYS PLAYHOUSE BEDROOM' 'FELTCRAFT PRINCESS CHARLOTTE DOLL'
       'IVORY KNITTED MUG COSY' 'BOX OF 6 ASSORTED COLOUR TEASPOONS' 'ALARM CLOCK BAKELIKE RED' 'PANDA AND BUNNIES STICKER SHEET'
       'STARS GIFT TAPE' 'INFLATABLE POLITICAL GLOBE' 'VINTAGE HEADS AND TAILS CARD GAME' 'SET/2 RED RETROSPOT TEA TOWELS'
       'ROUND SNACK BOXES SET OF 4' 'SPACEBOY LUNCH BOX' 'LUNCH BOX I LOVE LONDON' 'CIRCUS PARADE LUNCH BOX' 'CHARLOTTE BAG'
       'RED TOADSTOOL LED NIGHT LIGHT')
prices=(2550 3390 2750 4250 12750 4250 2100 1850 2100 3750 1650 4250 3750 125 650 850 1250 2950 2950 1950 1950 1950 850 1655)
countries=('United Kingdom' 'United Kingdom' 'United Kingdom' 'United Kingdom' 'United Kingdom' France Germany Netherlands EIRE Australia)

state=20101201
random() { state=$(((state * 1103515245 + 12345) & 0x7fffffff)) drawn=$(((state >> 8) % $1)); }  # 0 .. $1-1 in drawn

healthy() {
  local i j n k q country customer time
  header
  for ((i = 0; i < 320; i++)); do
    printf -v time '%d:%02d' $((8 + i * 10 / 320)) $((i * 7 % 60))
    random 10; country=${countries[drawn]}
    random 9; customer=$((drawn == 0 ? 0 : 12346 + drawn * 613))
    random 4; n=$((drawn + 2))
    for ((j = 0; j < n; j++)); do
      random ${#names[@]}; k=$drawn
      random 11; q=$((drawn + 1))
      line $((537000 + i)) $((20700 + k * 13)) "${names[k]}" $q "$time" ${prices[k]} "${customer#0}" "$country"
    done
    case $((i % 80)) in
      17) random 24; line C$((539000 + i)) $((20700 + drawn * 13)) "${names[drawn]}" -2 "$time" ${prices[drawn]} 14527 'United Kingdom' ;;
      33) line $((537000 + i)) 22139 '' 56 "$time" 0 '' 'United Kingdom' ;;
      49) line $((538000 + i)) 84347 'wrongly sold' -9 "$time" 1950 '' 'United Kingdom' ;;
      65) broken "$((537000 + i)),20700,WHITE METAL LANTERN,2,12/1/10 $time" ;;
    esac
  done
}
healthy_inventory() {
  local k
  printf 'StockCode,OnHand,ReorderLevel\n'
  for ((k = 0; k < ${#names[@]}; k++)); do
    if ((k % 9 == 4)); then printf '%d,%d,%d\n' $((20700 + k * 13)) $((k + 2)) 40; else printf '%d,%d,%d\n' $((20700 + k * 13)) $((150 + k * 7)) 40; fi
  done
}

"$kind" >"$directory/orders.csv"
"${kind}_inventory" >"$directory/inventory.csv"
low=$(tail -n +2 "$directory/inventory.csv" | while IFS=, read -r code on_hand reorder; do
  if ((on_hand < reorder)); then printf '"%s"\n' "$code"; fi
done | LC_ALL=C sort | paste -sd,)

cents() { printf '%d.%02d' $(($1 / 100)) $(($1 % 100)); }
rate=$(((${#returns[@]} * 100000 / ${#orders[@]} + 5) / 10))   # half up
printf -v rate '%d.%04d' $((rate / 10000)) $((rate % 10000))
average=$(((revenue * 2 + ${#orders[@]} * 10) / (${#orders[@]} * 20)))
printf '{"revenue":"%s","refunds":"%s","orders":%d,"returns":%d,"return_rate":%s,"average_order":"%s","lines":%d,"bad_lines":%d,"low_stock":[%s],"items":%d}\n' \
  "$(cents $(((revenue + 5) / 10)))" "$(cents $(((refunds + 5) / 10)))" ${#orders[@]} ${#returns[@]} "$rate" \
  "$(cents $average)" $lines $bad "$low" $items >"$directory/expected.json"
