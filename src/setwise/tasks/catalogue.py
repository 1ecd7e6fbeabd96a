"""All tasks by name."""

from functools import partial

from setwise._checks import check_choice
from setwise.tasks import celeba, hematocrit, mnist, point_cloud
from setwise.tasks.celeba import celeba_anomaly
from setwise.tasks.digits_var import digits_var
from setwise.tasks.made import normal_var, normal_var_ood, weighted_average
from setwise.tasks.mnist import mnist_var
from setwise.tasks.task import Task

_VARIANCE = "population variance of the digits"
_ALL = (
    Task(
        "hematocrit",
        "Hematocrit",
        "regression",
        1,
        "hematocrit in percent",
        hematocrit.hematocrit,
        source=hematocrit.SOURCE,
        redraws=True,
    ),
    Task(
        "point-cloud",
        "Point Cloud",
        "classification",
        point_cloud.CLASSES,
        "class of the object",
        point_cloud.point_cloud,
        source=point_cloud.SOURCE,
        redraws=True,
        pool="max",
    ),
    Task("mnist-var", "MNIST Var", "regression", 1, _VARIANCE, mnist_var, source=mnist.SOURCE),
    Task("normal-var", "Normal Var", "regression", 1, "population variance of the draws", normal_var),
    Task(
        "celeba-anomaly",
        "CelebA",
        "anomaly",
        1,
        "which image lacks the two attributes",
        celeba_anomaly,
        source=celeba.SOURCE,
        elements="images",
    ),
    Task(
        "mnist-var-mixed",
        "MNIST Var, 6 to 10 images",
        "regression",
        1,
        _VARIANCE,
        partial(mnist_var, sizes=(6, 10)),
        source=mnist.SOURCE,
    ),
    Task(
        "mnist-var-scaled",
        "MNIST Var, pixels 0 to 1",
        "regression",
        1,
        _VARIANCE,
        partial(mnist_var, scale=255.0),
        source=mnist.SOURCE,
    ),
    Task("digits-var", "Digits Var", "regression", 1, _VARIANCE, digits_var),
    Task(
        "normal-var-ood",
        "Normal Var, 100 dimensions",
        "regression",
        1,
        "mean standard deviation, squared",
        normal_var_ood,
    ),
    Task(
        "weighted-average-real",
        "Weighted average, real",
        "regression",
        1,
        "weighted sum of the means",
        partial(weighted_average, one_hot=False),
    ),
    Task(
        "weighted-average-one-hot",
        "Weighted average, one-hot",
        "regression",
        1,
        "weighted sum of the frequencies",
        partial(weighted_average, one_hot=True),
    ),
    Task(
        "point-cloud-categorical",
        "Point Cloud, categories",
        "classification",
        point_cloud.CLASSES,
        "class of the object",
        point_cloud.categorical_point_cloud,
        source=point_cloud.SOURCE,
        pool="max",
        elements="categories",
        categories=(point_cloud.BINS**3,),
    ),
    Task(
        "hematocrit-categorical",
        "Hematocrit, categories",
        "regression",
        1,
        "hematocrit in percent",
        hematocrit.categorical_hematocrit,
        source=hematocrit.SOURCE,
        redraws=True,
        elements="categories",
        categories=(hematocrit.BINS**2,),
    ),
)
TASKS = {task.name: task for task in _ALL}


def get_task(name: str) -> Task:
    """Return the task with a name.

    Raises:
        InputError: there is none.
    """
    check_choice("the task", name, tuple(TASKS))
    return TASKS[name]
