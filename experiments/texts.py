"""The parts of the report that no record decides."""

TITLE = """# The paper's tables, run again
"""

HEAD = """\
*Set Norm and Equivariant Skip Connections: Putting the Deep in Deep Sets* (Zhang, Tozzo, Higgins, Ranganath; ICML
2022, arXiv 2206.11925). This page is made by `python -m experiments report` from the records in
`experiments/results/`, and from nothing else. A dash is a cell without a run. Numbers are means over seeds, with
their sample standard deviation where there are several; the paper's are of three seeds. Rows in italics are
controls that the paper lacks.

A cell's *claim* is read off the paper's own numbers: a score of at least 0.9 times that of a constant predictor
claims "no better than the constant"; every other cell is read against another row of its table (deep against
shallow, aggregated against equivariant, non-clean against clean), and counts as alike where the paper's spreads
overlap. Two of our rows count as alike where they differ by no more than their spreads together or a tenth of the
larger, and as better or worse beyond. At small scale only the claim can be compared, never the number.

## Which claims hold
"""

MISSED = """Numbers at the paper's protocol that differ from the paper's by more than both spreads and two standard
errors of the test sets, where the record has them (`docs/log.md` says what is known of the reasons):
"""

PROTOCOL = """## Protocol

Adam without weight decay, a constant learning rate, no clipping; the last partial batch is dropped, of the test
sets too (960 of 1,000 sets count, in a fixed shuffled order); the model at the end of training is the one measured.
Numbers in [brackets] are the standard error of ours over the test sets: how far another draw of as many test sets would
move it. Seeds change the first weights only: data and the order of the sets are fixed, as in the paper, so the spreads
contain neither. Regression targets and pixels are used as they are. Feature norm is measured with the statistics of
each test batch, as the authors' code does, and with running statistics, as the paper's text says. Width 128
throughout.

Controls: moments and quantiles are, of each feature, the mean, the standard deviation, the skewness and seven
quantiles; of more than 128 features (the pixels of MNIST Var) the mean and the standard deviation alone.

The small scale keeps every row and every width and depth, and takes fewer sets, elements and epochs, and a learning
rate of 0.001. A run takes one to two minutes on an idle core, one of 16 attention blocks three to four. Where rows
differ in their batch size, epochs are whole numbers, so that the numbers of steps differ by up to a tenth.
"""

SIMPLE_VIEW = """### Official ModelNet40 protocol (SimpleView)

The paper reports 87 % accuracy for the ++ models and 86 % for the originals tailored to clouds. Data not at hand,
and the protocol's augmentation and voting are not part of this runner; nothing is estimated.
"""

UNSEEN = """Two sets that differ in one way go through a linear layer without bias and a norm (set and layer norm on
each set by itself, feature norm on both as a batch). The number is the distance of the outputs relative to one of
them."""

CARE = """## Read with care

- The paper's failed rows score about what a constant scores; the constant stands in every table.
- Part of "depth fails" is the default initialisation of linear layers: 50 plain layers shrink the first layer's
  gradient by some nineteen powers of ten with it, and by a few with He's. The row with He's initialisation tells
  the two apart.
- Set norm does not see a positive scale of its input. A shift of the input does reach it through a linear layer;
  only a shift common to all features after that layer is lost.
- The paper's Tables 3 and 4 disagree on Hematocrit for one configuration (18.7982 and 18.7436; 18.6883 and
  18.7258). Table 2's two layer norm rows with equivariant residuals coincide on MNIST Var and Normal Var.
- Ours differs from the authors' code where that is at fault: the people of the anomaly task's test sets are in no
  training set, its softmax is applied once, padding takes part in nothing, training and test sets of the
  100-dimensional tasks are drawn with different seeds, and measuring does not change running statistics.
- Sets of MNIST Var draw their images with replacement, as the authors' script does. The random draws themselves
  cannot be the authors': their script draws in eight processes at once.
- Categorical tasks: the authors' files are not published; equal cells (1,000 for clouds, 100 for blood) are our
  reading.
"""
