"""The paper's numbers: mean and spread of three seeds, by table, row and task.

Source: Zhang et al. 2022, arXiv 2206.11925 (the figures of the ICLR 2022 submission), Tables 1 to 4.
"""

TASKS = ("hematocrit", "point-cloud", "mnist-var", "normal-var")
CLASSIFIED = "celeba-anomaly"
Cell = tuple[float, float]

_TABLE1 = """
deep-sets-50          25.8791 0.0014 3.6090 0.0003 5.5545 0.0014 8.0228 0.0017
deep-sets-50-layer    25.8748 0.0018 3.6186 0.0001 5.5651 0.0006 7.9512 0.0026
deep-sets-50-feature  25.8749 0.0018 0.9940 0.0045 2.2629 0.2715 0.3965 0.0059
deep-sets-50-set      25.8749 0.0018 1.5423 0.0862 0.2578 0.0031 5.4131 0.0081
"""
_TABLE2 = """
deep-sets-50-nonclean-erc-layer    19.6063 0.0137 0.5982 0.0064 0.3528 0.0063 0.1641 0.0386
deep-sets-50-nonclean-erc-feature  19.9801 0.0862 0.6541 0.0022 0.3371 0.0059 0.4762 0.0832
deep-sets-50-nonclean-erc-set      19.3146 0.0409 0.6055 0.0007 0.3421 0.0022 0.2711 0.0813
deep-sets-50-clean-erc-layer       19.5236 0.0132 0.6522 0.0072 0.3529 0.0063 0.1641 0.0386
deep-sets-50-clean-erc-feature     19.3917 0.0685 0.7148 0.0164 0.3368 0.0049 0.1162 0.0177
deep-sets++-50                     19.2118 0.0762 0.7096 0.0049 0.3441 0.0036 0.0320 0.0118
deep-sets-50-clean-mean-layer      21.0247 0.0503 0.8656 0.0059 1.1732 0.0259 3.6164 0.1397
deep-sets-50-clean-mean-feature    18.9233 0.0638 0.9773 0.0288 1.1296 0.0222 1.9861 0.8488
deep-sets-50-clean-mean-set        19.3462 0.0260 0.8585 0.0253 1.2808 0.0101 0.8287 0.1818
deep-sets-50-clean-max-layer       21.9485 0.0181 0.9637 0.0048 1.3373 0.0124 0.7133 0.0395
deep-sets-50-clean-max-feature     21.0755 0.0440 0.9092 0.0248 1.4285 0.0174 1.0224 0.0956
deep-sets-50-clean-max-set         19.8171 0.0266 0.8758 0.0196 1.3798 0.0162 0.9084 0.0910
"""
# The mean ARC, layer norm cell of MNIST Var is printed as 1.2562 with a minus sign.
_TABLE3 = """
set-transformer-16                        18.7982 0.0086 0.9217 0.0119 6.2663 0.3307 0.0015 0.0001
set-transformer-16-nonclean-erc-layer     19.0904 0.1003 0.9219 0.0052 2.0663 1.0039 0.0597 0.0157
set-transformer-16-nonclean-erc-feature   19.4968 0.1442 0.8251 0.0025 0.4043 0.0078 0.0884 0.0092
set-transformer-16-nonclean-erc-set       19.0521 0.0288 1.9167 0.4880 0.4064 0.0147 0.0627 0.0217
set-transformer-16-clean-erc-layer        18.8857 0.0583 0.6656 0.0148 0.6383 0.0020 0.0053 0.0015
set-transformer-16-clean-erc-feature      19.1967 0.0330 0.6188 0.0141 0.7946 0.0065 0.0224 0.0061
set-transformer++-16                      18.6883 0.0238 0.6280 0.0098 0.7921 0.0006 0.0068 0.0008
set-transformer-16-clean-mean-layer       19.8620 0.0963 0.8745 0.0079 1.2562 0.0611 0.1123 0.0158
set-transformer-16-clean-mean-feature     19.3714 0.1143 0.8657 0.0106 1.8169 0.0052 0.1407 0.0398
set-transformer-16-clean-mean-set         19.6945 0.1067 0.8111 0.0453 1.6273 0.0335 0.0512 0.0179
"""
_TABLE4 = """
deep-sets-3           19.1257 0.0361 0.7357 0.0119 0.4520 0.0111 0.0417 0.0074 0.3808 0.0016
deep-sets-50          25.8791 0.0014 3.6090 0.0003 5.5545 0.0014 8.0228 0.0017 0.1005 0.0000
deep-sets++-3         19.5882 0.0555 0.6703 0.0093 0.5895 0.0114 0.0707 0.0326 0.5730 0.0016
deep-sets++-50        19.2118 0.0762 0.7096 0.0049 0.3441 0.0036 0.0320 0.0118 0.5763 0.0134
set-transformer-2     18.8750 0.0058 0.7487 0.0381 0.6151 0.0072 0.0016 0.0005 0.1292 0.0012
set-transformer-16    18.7436 0.0148 0.9217 0.0119 6.2663 0.3307 0.0015 0.0001 0.4570 0.0540
set-transformer++-2   18.9223 0.0273 0.6366 0.0004 1.1525 0.0158 0.0050 0.0008 0.6533 0.0012
set-transformer++-16  18.7258 0.0342 0.6280 0.0098 0.7921 0.0006 0.0068 0.0008 0.6587 0.0016
"""

# What a constant predictor scores, as the paper's failed rows do.
CONSTANT = {"hematocrit": 25.88, "point-cloud": 3.61, "mnist-var": 5.5, "normal-var": 8.4, CLASSIFIED: 0.10}


def _parsed(text: str) -> dict[str, dict[str, Cell]]:
    table = {}
    for line in text.strip().splitlines():
        key, *numbers = line.split()
        values = [float(number) for number in numbers]
        cells = list(zip(values[::2], values[1::2], strict=True))
        table[key] = dict(zip((*TASKS, CLASSIFIED)[: len(cells)], cells, strict=True))
    return table


NUMBERS = {
    "table1": _parsed(_TABLE1),
    "table2": _parsed(_TABLE2),
    "table3": _parsed(_TABLE3),
    "table4": _parsed(_TABLE4),
}
