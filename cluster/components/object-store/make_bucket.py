"""Makes the bucket as soon as the server beside it answers."""

import sys
import time
import urllib.error
import urllib.request

for _ in range(300):
    try:
        urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:5000/guildhall", method="PUT"), timeout=2)
        sys.exit()
    except urllib.error.URLError:
        time.sleep(0.2)
sys.exit("the server did not answer within a minute")
