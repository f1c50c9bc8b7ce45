"""Rivals that fit a network to a single image: Backprop, Mumford-Shah loss and CAE-TVL."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from napari_dsc.baselines import networks
from napari_dsc.labels.means import region_majority
from napari_dsc.machine.device import reproducible
from napari_dsc.params import BackpropParams, CaeTvlParams, MumfordShahParams

N_LAYERS = 2  # of 3x3 convolution in Backprop


def iter_backprop(
    pixels: np.ndarray, superpixels: np.ndarray, params: BackpropParams, device: torch.device
) -> Iterator[np.ndarray]:
    """Train a network to predict at each pixel the majority class of its superpixel.

    Parameters
    ----------
    pixels : (C, *S) float32 array
        Image or stack in 0 to 1; the network sees a stack plane by plane.
    superpixels : S int array
        Superpixels ``0 .. M - 1``.
    params : BackpropParams
        Settings.
    device : torch.device
        Device of the network.

    Yields
    ------
    labels : S int64 array
        Class of each pixel's superpixel, in ``0 .. n_features - 1``, at each iteration.

    Notes
    -----
    The network is that of the author's published program: two layers of 3x3 convolution, ReLU
    and batch norm, then a 1x1 convolution and batch norm. As in DSC, labels are yielded after
    their refinement by superpixels; the class of each single pixel would make thousands of
    specks.

    References
    ----------
    .. [1] A. Kanezaki, "Unsupervised image segmentation by backpropagation", ICASSP, 2018.
    """
    n_channels, n_superpixels = len(pixels), int(superpixels.max()) + 1
    network = networks.seeded_network(lambda: _network(n_channels, params), params.seed, device)
    planes = np.moveaxis(pixels, 0, -3).reshape(-1, n_channels, *pixels.shape[-2:])
    image = torch.from_numpy(planes).to(device, memory_format=torch.channels_last)
    regions = torch.from_numpy(superpixels.ravel()).to(device)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=params.learning_rate, momentum=params.momentum
    )
    for _ in range(params.n_iterations):
        with torch.enable_grad(), reproducible(device):
            optimizer.zero_grad()
            outputs = networks.outputs_of(network, image, params.precision)
            features = outputs.movedim(1, -1).flatten(0, -2)  # (N, n_features)
            classes = region_majority(
                features.argmax(1), regions, n_superpixels, params.n_features
            )
            target = classes[regions]
            torch.autograd.backward(nn.functional.cross_entropy(features, target))
            optimizer.step()
        yield target.view(superpixels.shape).cpu().numpy()


def _network(n_channels: int, params: BackpropParams) -> nn.Module:
    width = params.n_features
    layers = (*networks.convolutions(n_channels, width, N_LAYERS), nn.Conv2d(width, width, 1))
    return nn.Sequential(*layers, nn.BatchNorm2d(width))


def labels_at_counts(steps: Iterator[np.ndarray], counts: Sequence[float]) -> list[np.ndarray]:
    """First label images of a run with at most a given number of classes.

    Parameters
    ----------
    steps : iterator of S int array
        Label images with falling numbers of classes; the iterator is advanced only as far as
        needed.
    counts : sequence of float
        Largest numbers of classes.

    Returns
    -------
    labels : list of S int array
        One label image per count; the last of the run if it always has more classes.

    Raises
    ------
    ValueError
        If there are no steps.

    Examples
    --------
    >>> steps = [np.array([[0, 1, 2]]), np.array([[0, 1, 1]]), np.array([[1, 1, 1]])]
    >>> labels_at_counts(iter(steps), (2, 4))
    [array([[0, 1, 1]]), array([[0, 1, 2]])]
    """
    found: dict[float, np.ndarray] = {}
    labels = None
    for labels in steps:
        n_classes = len(np.unique(labels))
        found |= {c: labels for c in counts if n_classes <= c and c not in found}
        if len(found) == len(set(counts)):
            break
    if labels is None:
        raise ValueError("steps: got none, expected at least one")
    return [found.get(count, labels) for count in counts]


def mumford_shah_loss(image: Tensor, probabilities: Tensor, smoothness_weight: float) -> Tensor:
    """Variance of the colors within each class, plus the weighted length of its boundary.

    Parameters
    ----------
    image : (1, C, Y, X) float tensor
        Image in 0 to 1.
    probabilities : (1, K, Y, X) float tensor
        Probability of each class, with a sum of one over classes.
    smoothness_weight : float
        Weight ``lambda`` of the boundary.

    Returns
    -------
    loss : 0-d float tensor
        Mean over pixels, differentiable.

    References
    ----------
    .. [1] B. Kim and J. C. Ye, "Mumford-Shah loss functional for image segmentation with deep
       learning", IEEE Transactions on Image Processing 29, 2020: equation 9.

    Examples
    --------
    >>> import torch
    >>> image = torch.tensor([[[[0.0, 1.0]]]])
    >>> one_class = torch.ones(1, 1, 1, 2)
    >>> mumford_shah_loss(image, one_class, 0.1)
    tensor(0.2500)
    >>> two_classes = torch.eye(2).view(1, 2, 1, 2)
    >>> mumford_shah_loss(image, two_classes, 0.1)
    tensor(0.1000)
    """
    colors, shares = image[0].flatten(1), probabilities[0].flatten(1)
    sizes = shares.sum(1)
    means = shares @ colors.T / sizes.clamp_min(1e-6)[:, None]
    # With p_k(x) summing to 1 over k, sizes s_k = sum_x p_k and means c_k = sum_x p_k x / s_k:
    # sum_x sum_k p_k |x - c_k|^2 = sum_x |x|^2 - sum_k s_k |c_k|^2, without N x K x C values
    spread = (colors.square().sum() - (sizes * means.square().sum(1)).sum()) / colors.shape[1]
    return spread + smoothness_weight * networks.total_variation(probabilities)


def mumford_shah_classes(
    pixels: np.ndarray, n_partitions: int, params: MumfordShahParams, device: torch.device
) -> np.ndarray:
    """Classes of a U-Net that minimizes the Mumford-Shah loss on one image.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1.
    n_partitions : int
        Largest number of classes ``K``.
    params : MumfordShahParams
        Settings.
    device : torch.device
        Device of the network.

    Returns
    -------
    classes : (Y, X) int64 array
        Most probable class of each pixel, in ``0 .. K - 1``.

    Notes
    -----
    The paper trains its network on many images; here it is trained on the image alone, from
    random weights.

    References
    ----------
    .. [1] B. Kim and J. C. Ye, "Mumford-Shah loss functional for image segmentation with deep
       learning", IEEE Transactions on Image Processing 29, 2020.
    """
    n_channels = len(pixels)
    network = networks.seeded_network(
        lambda: networks.UNet(n_channels, n_partitions), params.seed, device
    )
    image = torch.from_numpy(pixels)[None].to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=params.learning_rate)
    for _ in range(params.n_iterations):
        with torch.enable_grad(), reproducible(device):
            optimizer.zero_grad()
            probabilities = networks.outputs_of(network, image, params.precision).softmax(1)
            loss = mumford_shah_loss(image, probabilities, params.smoothness_weight)
            torch.autograd.backward(loss)
            optimizer.step()
    return np.asarray(probabilities.detach()[0].argmax(0).cpu().numpy())


def smooth_by_cae_tvl(
    pixels: np.ndarray, params: CaeTvlParams, device: torch.device
) -> np.ndarray:
    """Smooth an image by an autoencoder with a total variation term in its loss.

    Parameters
    ----------
    pixels : (C, Y, X) float32 array
        Image in 0 to 1.
    params : CaeTvlParams
        Settings.
    device : torch.device
        Device of the network.

    Returns
    -------
    smoothed : (C, Y, X) float32 array
        Reconstruction of the image in 0 to 1, as input of an ordinary segmentation.

    Notes
    -----
    The paper trains its autoencoder on the images of BSDS500; here it is trained on the image
    alone, from random weights.

    References
    ----------
    .. [1] C. Wang, B. Yang and Y. Liao, "Unsupervised image segmentation using convolutional
       autoencoder with total variation regularization as preprocessing", ICASSP, 2017.
    """
    n_channels = len(pixels)
    network = networks.seeded_network(lambda: _Autoencoder(n_channels), params.seed, device)
    image = torch.from_numpy(pixels)[None].to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=params.learning_rate)
    for _ in range(params.n_iterations):
        with torch.enable_grad(), reproducible(device):
            optimizer.zero_grad()
            smoothed = network(image)
            error = (smoothed - image).square().sum(1).mean()
            torch.autograd.backward(
                error + params.variation_weight * networks.total_variation(smoothed)
            )
            optimizer.step()
    return np.asarray(smoothed.detach()[0].contiguous().cpu().numpy())


class _Autoencoder(nn.Module):
    """Autoencoder of 3x3 convolutions that halves the size twice, and doubles it twice."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*_layer(n_channels, 32, 2), *_layer(32, 64, 2))
        self.decoder = nn.ModuleList([_layer(64, 32, 1), _layer(32, 32, 1)])
        self.last = nn.Conv2d(32, n_channels, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """Reconstruct an image (1, C, Y, X), in 0 to 1."""
        height, width = image.shape[-2:]
        code = self.encoder(image)
        for layer in self.decoder:
            code = layer(nn.functional.interpolate(code, scale_factor=2.0, mode="nearest"))
        return torch.sigmoid(self.last(code)[..., :height, :width])


def _layer(width_in: int, width: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(width_in, width, 3, stride, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU())
