"""Each equation of the paper as slow loops over pixels, superpixels and classes."""

import math

import numpy as np
import torch
from scipy import ndimage


def mean_of_region(values, regions, j):
    """Equations 2, 5 and 6: average of the rows that belong to region j."""
    rows = [values[n] for n in range(len(values)) if regions[n] == j]
    return sum(rows) / len(rows)


def pseudo_labels(probabilities, superpixels):
    """Equation 4."""
    n_pixels, n_classes = probabilities.shape
    c = [max(range(n_classes), key=lambda k: probabilities[n, k]) for n in range(n_pixels)]
    labels = []
    for n in range(n_pixels):
        votes = [0] * n_classes
        for other in range(n_pixels):
            if superpixels[other] == superpixels[n]:
                votes[c[other]] += 1
        labels.append(votes.index(max(votes)))
    return labels


def label_loss(probabilities, labels):
    """Equation 3, divided by the number of pixels."""
    n_pixels, n_classes = probabilities.shape
    total = 0.0
    for n in range(n_pixels):
        for k in range(n_classes):
            y = 1.0 if labels[n] == k else 0.0
            total -= y * math.log(probabilities[n, k])
    return total / n_pixels


def affinity_matrix(features, centers, sigma, d):
    """Equation 7 as the full M x M matrix."""
    m = len(features)
    w = np.zeros((m, m))
    for i in range(m):
        for j in range(m):
            if math.dist(centers[i], centers[j]) < d:
                w[i, j] = math.exp(-sum((features[i] - features[j]) ** 2) / sigma**2)
    return w


def cut_loss(q, w):
    """Equation 8, its first line."""
    m, n_classes = q.shape
    total = 0.0
    for k in range(n_classes):
        for a in range(m):
            for b in range(m):
                total += q[a, k] * w[a, b] * (1 - q[b, k])
    return total


def centers_of_mass(superpixels):
    """Mean position of each superpixel of a 2-D label image."""
    centers = []
    for j in range(superpixels.max() + 1):
        rows, columns = np.nonzero(superpixels == j)
        centers.append((rows.mean(), columns.mean()))
    return centers


def softmax(f):
    """P of a matrix of features, row by row."""
    e = np.exp(f - f.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def plain_cut(image, superpixels, embedding, params):
    """Algorithm 2 as the paper writes it: upsample, concatenate, one convolution, dense W.

    Yields the two losses and the pseudo label of each superpixel, one step at a time.
    """
    m = int(superpixels.max()) + 1
    z = torch.nn.functional.one_hot(torch.from_numpy(superpixels.ravel()), m).to(image.dtype)
    centers = torch.tensor(centers_of_mass(superpixels))
    d = params.radius_factor * (superpixels.size / m) ** 0.5
    near = torch.cdist(centers, centers) < d
    head = torch.cat([part.weight for part in embedding.parts], 1).detach().requires_grad_()
    weights = [*embedding.encoder.parameters(), head, *embedding.norm.parameters()]
    optimizer = torch.optim.SGD(weights, lr=params.learning_rate, momentum=params.momentum)
    height, width = image.shape[-2:]
    pad = torch.nn.ReplicationPad2d((0, -width % 4, 0, -height % 4))
    for _ in range(params.n_iterations):
        padded = pad(image)
        levels = [padded] + [
            torch.nn.functional.interpolate(level, size=padded.shape[-2:], mode="bilinear")
            for level in embedding.encoder(padded)
        ]
        f = torch.nn.functional.conv2d(torch.cat(levels, 1), head)
        f = embedding.norm(f[..., :height, :width])[0].flatten(1).T
        p = f.softmax(1)
        votes = z.T @ torch.nn.functional.one_hot(p.argmax(1), params.n_partitions).to(z.dtype)
        classes = votes.argmax(1)
        g, q = (z.T @ rows / z.sum(0)[:, None] for rows in (f, p))
        w = torch.exp(-(torch.cdist(g, g) ** 2) / params.affinity_scale**2) * near
        w = w.detach()
        label = -p[torch.arange(len(p)), classes[z.argmax(1)]].log().mean()
        cut = sum(q[:, k] @ w @ (1 - q[:, k]) for k in range(params.n_partitions))
        optimizer.zero_grad()
        (params.label_weight * label + params.cut_weight / m**2 * cut).backward()
        optimizer.step()
        yield float(label.detach()), float(cut.detach()), classes.tolist()


def mumford_shah(image, probabilities, weight):
    """Kim and Ye's loss over pixels, divided by their number; absolute differences."""
    _, height, width = probabilities.shape
    places = [(y, x) for y in range(height) for x in range(width)]
    total = 0.0
    for p in probabilities:
        mean = sum(image[:, y, x] * p[y, x] for y, x in places) / p.sum()
        for y, x in places:
            total += sum((image[:, y, x] - mean) ** 2) * p[y, x]
            if y:
                total += weight * abs(p[y, x] - p[y - 1, x])
            if x:
                total += weight * abs(p[y, x] - p[y, x - 1])
    return total / (height * width)


def pixel_affinity(image, radius, color_scale, place_scale):
    """W-Net's full matrix of affinities between pixels."""
    _, height, width = image.shape
    places = [(y, x) for y in range(height) for x in range(width)]
    w = np.zeros((len(places), len(places)))
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            if math.dist(a, b) <= radius:
                color = sum((image[:, a[0], a[1]] - image[:, b[0], b[1]]) ** 2)
                place = math.dist(a, b) ** 2
                w[i, j] = math.exp(-color / color_scale**2 - place / place_scale**2)
    return w


def connected_regions(labels):
    """Pieces of each label, one label after the other, then renumbered by their first pixel."""
    labels = labels.astype(np.int64)
    pieces = np.zeros(labels.shape, np.int64)
    n_pieces = 0
    boxes = ndimage.find_objects(labels - labels.min() + 1)
    for value, box in enumerate(boxes, start=int(labels.min())):
        if box is None:
            continue
        mask = labels[box] == value
        found, n_found = ndimage.label(mask)
        pieces[box][mask] = found[mask] + n_pieces
        n_pieces += n_found
    _, first, inverse = np.unique(pieces, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(labels.shape)]
